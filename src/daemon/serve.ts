/** `sallyport serve`: one daemon from its configuration to the signal that ends it. */

import { systemClock } from "../core/clock.ts";
import { messageOf, SallyportError } from "../core/errors.ts";
import { claimAbstractSocket } from "../native/abstract-socket.ts";
import { readConfiguration } from "./configuration.ts";
import { Daemon } from "./daemon.ts";
import { log, startLog } from "./log.ts";
import { requirePrivilege } from "./privilege.ts";

/** One guard per network namespace, because there is one table; abstract sockets are per namespace too. */
const LOCK = "sallyport.guard";

/** Guards until SIGTERM or SIGINT, on probation at first with `armMs`; throws SallyportError when it cannot start or cannot go on. */
export async function serve(file: string, armMs?: number): Promise<void> {
  const configuration = readConfiguration(file);
  requirePrivilege();
  using lock = claimAbstractSocket(LOCK);
  if (lock === undefined) {
    throw new SallyportError(
      "Cannot start: another sallyport guards this machine already: " +
        "stop that one first, or ask it with sallyport status",
    );
  }
  await startLog();
  const daemon = new Daemon(file, configuration, systemClock, armMs);
  const ended = Promise.withResolvers<string>();
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => ended.resolve(signal));
  }
  process.on("SIGHUP", () => {
    daemon.reload().catch((error: unknown) => {
      log("error", `Reload refused, the old configuration stays in force: ${messageOf(error)}`);
    });
  });
  await daemon.start();
  const reason = await Promise.race([ended.promise, daemon.died]);
  if (reason instanceof SallyportError) {
    await daemon.stop("keep");
    throw new SallyportError(
      `The data plane ended: ${reason.message}: the guard stays up, start sallyport again`,
      reason.exitCode,
    );
  }
  await daemon.stop();
  log("info", `Stopped by ${reason}`);
}
