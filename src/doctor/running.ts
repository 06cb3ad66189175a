/** Check: a daemon runs, answers on its socket, and is ready. */

import { connectControl } from "../api/client.ts";
import type { Settings } from "../config/settings.ts";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { guardLoaded } from "../firewall/guard.ts";
import { type Guarding, isGuarding } from "../control-plane/guard/guard-lock.ts";
import { type Findings, ok, problem, unseen, warning } from "../core/finding.ts";
import { mayAskKernel } from "../native/capabilities.ts";

export interface RunningFacts {
  readonly socket: string;
  /** Whether a sallyport guards this network namespace. */
  readonly runs: Guarding;
  /** The daemon's own account, or the error of the request for it. */
  readonly account: Account | SallyportError;
  /** Undefined: only CAP_NET_ADMIN may look. */
  readonly guard: boolean | undefined;
}

interface Account {
  readonly ready: boolean;
  readonly notices: readonly string[];
  readonly reasons: readonly {
    readonly code: string;
    readonly message: string;
    readonly detail?: string;
  }[];
}

export async function readRunning(settings: Settings): Promise<RunningFacts> {
  const { socket } = settings.api;
  const account = await connectControl(socket)
    .status()
    .catch((error: unknown) => {
      if (error instanceof SallyportError) return error;
      throw error;
    });
  return { socket, runs: isGuarding(), account, guard: readGuard() };
}

/** Whether the guard is loaded; undefined where this user may not ask the kernel. */
export function readGuard(): boolean | undefined {
  if (!mayAskKernel()) return undefined;
  return guardLoaded();
}

/** Reasons that pass by themselves in a moment. */
const PASSING = new Set(["starting", "stopping"]);

export function checkRunning({ socket, runs, account, guard }: RunningFacts): Findings {
  if (!(account instanceof SallyportError)) return readiness(socket, account);
  if (account.exitCode === ExitCode.privilege || runs === "unseen") {
    return [unseen("whether a daemon runs and is ready")];
  }
  if (runs === "yes") {
    return [
      problem(
        `A daemon guards this machine and does not answer: ${account.message}`,
        "see its log, and whether it runs with this configuration; a socket that was removed comes back within half a minute",
      ),
    ];
  }
  if (guard === true) {
    return [
      problem(
        "The guard is up and no daemon listens: guarded ports stay closed to everybody",
        'start "sallyport serve", or take the guard away with "sallyport firewall remove"',
      ),
    ];
  }
  return [
    warning(
      "No daemon runs, so nothing is guarded and no knock is heard yet",
      "start sallyport serve, or install the service (sallyport service install)",
    ),
  ];
}

/** Reasons that do not keep any door shut. */
const OPENS = new Set(["config"]);

function readiness(socket: string, { ready, reasons, notices }: Account): Findings {
  const noticed = notices.map(notice);
  if (ready) return [ok(`The daemon answers on ${socket} and is ready`), ...noticed];
  const faults = reasons.map(({ code, message, detail }) => {
    const say = PASSING.has(code) || OPENS.has(code) ? warning : problem;
    return say(`The daemon is not ready: ${detail ?? message}`, "see its log");
  });
  return [...faults, ...noticed];
}

/** The remedy of a notice follows its first colon. */
function notice(said: string): Findings[number] {
  const cut = said.indexOf(": ");
  return cut < 0 ? warning(said, "see its log") : warning(said.slice(0, cut), said.slice(cut + 2));
}
