/** Counts how often the elements of a list are read: work in proportion is shown by counting, never by a clock. */
export function countedReads<Value>(list: readonly Value[]): { readonly list: readonly Value[]; readonly reads: () => number } {
  let reads = 0;
  const counting = new Proxy(list, {
    get(target, key, receiver) {
      if (typeof key === 'string' && /^\d+$/.test(key)) reads++;
      return Reflect.get(target, key, receiver);
    },
  });
  return { list: counting, reads: () => reads };
}
