/** Tells a running daemon that keys changed: until it has read them, it opens by the old ones. */

import { connectControl, nobodyListens } from "../api/client.ts";
import type { KeysTold, Removed } from "../api/control.ts";
import { keysFile } from "../keys/keys.ts";
import type { Settings } from "../config/settings.ts";
import { messageOf, NeedsYes, SallyportError } from "../core/errors.ts";
import { printable } from "../core/printable.ts";
import { guardSocket } from "./control-socket.ts";
import { findUnheard } from "./unheard.ts";

export interface TellOptions {
  /** Undefined: the socket of the configuration. */
  readonly socket?: string | undefined;
  /** Leave the grants and sessions of removed devices as they are. Default: false. */
  readonly keepSessions?: boolean | undefined;
  /** The devices whose keys were removed. */
  readonly removed?: Removed;
}

function untold(state: string, remedy: string): SallyportError {
  return new SallyportError(
    `Cannot tell the running daemon that the keys changed: ${state}: ${remedy}; until then it opens by the old ones`,
  );
}

/**
 * The answer of the daemon, or one sentence where none was found. Throws a SallyportError where a
 * daemon runs but could not be told, or reads its keys elsewhere.
 */
export async function tellKeys(
  settings: Settings,
  options: TellOptions,
): Promise<KeysTold | string> {
  const { socket = settings.api.socket, keepSessions = false, removed } = options;
  const request = { keepSessions, ...(removed !== undefined && { removed }) };
  let told: KeysTold;
  try {
    told = await connectControl(socket).reloadKeys(request);
  } catch (error) {
    if (!(error instanceof SallyportError)) throw error;
    if (!nobodyListens(error)) {
      if (error instanceof NeedsYes) {
        throw new SallyportError(
          `${error.message}; until then the running daemon opens by the old ones`,
        );
      }
      // A reload would leave open what the removed keys opened.
      const remedy = removed === undefined ? 'run "sallyport reload"' : "repeat the command";
      throw untold(messageOf(error), remedy);
    }
    const moved = options.socket === undefined ? await guardSocket(socket) : undefined;
    if (moved !== undefined) return await tellKeys(settings, { ...options, socket: moved });
    const { isGuarding } = await import("../control-plane/guard/guard-lock.ts");
    const runs = isGuarding();
    if (runs === "no") return "No sallyport runs here";
    if (runs === "unseen") {
      return `Nobody listens on ${socket} (only root can see whether a sallyport listens elsewhere)`;
    }
    const found = await findUnheard(socket);
    if (found === undefined) throw error; // it ended in this moment
    // The signal leaves open what the removed keys opened.
    const ends = found.lost && removed !== undefined ? ", then repeat the command" : "";
    throw untold(`nobody listens on ${socket}: ${found.state}`, found.remedy + ends);
  }
  const own = keysFile(settings.server.stateDir);
  if (told.file === own) return told;
  throw untold(
    `it reads them from ${printable(told.file)}, not from ${own}`,
    "start it again, or name its configuration with --config",
  );
}
