/** Waits, but not for ever. */

/** Resolves to whether `work` ended within `mostMs`; does not reject. Work that takes longer goes on. */
export async function within(mostMs: number, work: Promise<unknown>): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), mostMs);
  work.then(
    () => resolve(true),
    () => resolve(true),
  );
  return await promise.finally(() => clearTimeout(timer));
}
