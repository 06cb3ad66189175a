/** Waits for what no event tells: the end of a process that is not ours. */

const PATIENCE_MS = 20_000;

export async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`It did not come to that within ${PATIENCE_MS} ms`);
    await Bun.sleep(20);
  }
}
