/** Asks a running daemon, before keys.toml is changed, whether it would lose other keys by that. */

import { connectControl, nobodyListens } from "../api/client.ts";
import type { KeysSeen, Removed } from "../api/control.ts";
import { keysFile, keysFolder } from "../keys/keys.ts";
import type { Settings } from "../config/settings.ts";
import { NeedsYes, SallyportError } from "../core/errors.ts";
import { callerConnection } from "./caller.ts";
import { guardSocket } from "./control-socket.ts";

export interface CheckOptions {
  /** Undefined: the socket of the configuration. */
  readonly socket?: string | undefined;
  /** The devices whose keys are about to be removed. */
  readonly removed?: Removed;
}

/** Short: whoever does not answer is asked again afterwards, with more patience. */
const PATIENCE = { readMs: 10_000, changeMs: 10_000 };

interface Seen {
  /** Undefined where no daemon answers, or an earlier version runs: `tellKeys` says what is wrong. */
  readonly keys: KeysSeen | undefined;
  /** Where the daemon listens, if not where it was looked for. */
  readonly moved?: string;
}

async function see(settings: Settings, { socket, removed }: CheckOptions): Promise<Seen> {
  const asked = socket ?? settings.api.socket;
  try {
    const from = callerConnection();
    return { keys: await connectControl(asked, PATIENCE).checkKeys({ removed, from }) };
  } catch (error) {
    if (!(error instanceof SallyportError)) throw error;
    if (error instanceof NeedsYes) {
      throw new SallyportError(`${error.message}; nothing was changed`);
    }
    const moved =
      socket === undefined && nobodyListens(error) ? await guardSocket(asked) : undefined;
    if (moved === undefined) return { keys: undefined };
    return { ...(await see(settings, { socket: moved, ...(removed && { removed }) })), moved };
  }
}

/**
 * Returns the socket to tell the daemon at, undefined for that of the configuration. Throws a SallyportError where the
 * keys.toml of this folder would cut off others than those in `removed`, or the daemon sees another
 * file by that name: the disk of one of the two is not mounted.
 */
export async function checkKeys(
  settings: Settings,
  options: CheckOptions,
): Promise<string | undefined> {
  const { stateDir } = settings.server;
  const own = keysFile(stateDir);
  const { keys, moved } = await see(settings, options);
  if (keys?.file !== own || keys.folder === keysFolder(stateDir)) return options.socket ?? moved;
  throw new SallyportError(
    `Cannot change ${own}: the running daemon finds another file by that name, as where a disk was mounted or unmounted since it started: mount the disk of ${stateDir} again, or start the daemon again if this folder is the right one; nothing was changed`,
  );
}
