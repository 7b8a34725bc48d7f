// What consumers check with, and where the server is.

declare const process: { readonly argv: readonly string[] };

export const address: string = process.argv[2] ?? "";

export function expect(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(what);
}

/** Compares as JSON does: what is undefined is not there. */
export function equal(actual: unknown, expected: unknown): void {
  const [left, right] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (left !== right) throw new Error(`${left}\nis not\n${right}`);
}

/** What a promise fails with. */
export async function failure(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}
