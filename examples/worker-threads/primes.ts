/** What runs in the threads: plain functions, exported by name. */

/** Counts the primes below a number, the slow way. */
export function count({ below }: { readonly below: number }): number {
  let found = 0;
  for (let number = 2; number < below; number++) {
    let divisor = 2;
    while (divisor * divisor <= number && number % divisor !== 0) divisor++;
    if (divisor * divisor > number) found++;
  }
  return found;
}

/** Never ends, and never lets anybody else run on its thread. */
export function spin(): never {
  for (;;);
}
