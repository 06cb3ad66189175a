/** Waits, but not for ever. */

/** Answers whether `work` ended within `mostMs`; does not reject, and leaves it alone where it takes longer. */
export async function within(mostMs: number, work: Promise<unknown>): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), mostMs);
  work.then(
    () => resolve(true),
    () => resolve(true),
  );
  return await promise.finally(() => clearTimeout(timer));
}
