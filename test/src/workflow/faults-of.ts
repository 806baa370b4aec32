import { GleitzeitError, type Issue } from '../../../src/errors.ts';

/** The issues of the error that a function throws; fails where it throws none. */
export function faultsOf(define: () => unknown): readonly Issue[] {
  try {
    define();
  } catch (error) {
    if (error instanceof GleitzeitError) return error.issues ?? [];
    throw error;
  }
  throw new Error('Nothing was thrown.');
}

/** The error that a promise is rejected with. */
export async function rejectionOf(promise: Promise<unknown>): Promise<GleitzeitError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof GleitzeitError) return error;
  throw error ?? new Error('Nothing was thrown.');
}
