/** Serves the two apps: health on TCP, control on the unix socket. */

import { existsSync } from "node:fs";
import type { Control } from "./control.ts";
import { controlApp } from "./control-app.ts";
import { serveBounded } from "./bounded-server.ts";
import { codeOf } from "../core/system-error.ts";
import type { AppOptions } from "./health-app.ts";
import { healthApp } from "./health-app.ts";
import { bindPrivately, clearSocketPath, fileAt } from "./unix-socket.ts";
import { isLoopbackHost } from "../core/address.ts";
import { ExitCode, messageOf, OpError, SallyportError } from "../core/errors.ts";

/** `[api].listen` of the settings: an address or "localhost"; port 0 takes a free one. */
export interface HealthAt {
  readonly host: string;
  readonly port: number;
}

export interface Listening {
  /**
   * Of the health listener its URL with the real port, "http://127.0.0.1:7878/"; of the other one
   * the path of its socket.
   */
  readonly place: string;
  /**
   * Whether whoever connects to the place comes here: the socket of a path may have been removed,
   * or another put in its place.
   */
  stands(): boolean;
  /** Cuts open connections and removes the socket, nobody else's. May be called again. */
  stop(): void;
}

/**
 * Connections at a time: few enough that both listeners leave most of a thousand descriptors to the
 * rest.
 */
const MOST_FOR_HEALTH = 64;
const MOST_FOR_CONTROL = 32;

const DETAILS: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program listens there",
  EADDRNOTAVAIL: "this machine does not have that address",
  EACCES: "that needs more privilege",
  EPERM: "that needs more privilege",
  EINVAL: "the path is longer than the 107 bytes of a socket address",
  EEXIST: "its folder is a file",
  ENOTDIR: "its folder is in a file",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
};

function cannotListen(object: string, key: string, thrown: unknown): SallyportError {
  if (thrown instanceof SallyportError) return thrown;
  const code = codeOf(thrown) ?? "";
  const denied = code === "EACCES" || code === "EPERM";
  return new OpError(
    {
      operation: "listen on",
      object,
      detail: DETAILS[code] ?? (code || messageOf(thrown)),
      code: 0,
      remedy: denied ? `run it as root, or set ${key}` : `set ${key} to a free one`,
      ...(denied && { exitCode: ExitCode.privilege }),
    },
    { cause: thrown },
  );
}

/** Listens on TCP. When it cannot, throws an OpError that names the address and the setting. */
export function listenForHealth(
  control: Control,
  at: HealthAt,
  options: AppOptions = {},
): Listening {
  const app = healthApp(control, {
    ...options,
    localOnly: at.host === "localhost" || isLoopbackHost(at.host),
  });
  const host = at.host.includes(":") ? `[${at.host}]` : at.host;
  try {
    const server = serveBounded({ hostname: at.host, port: at.port }, MOST_FOR_HEALTH, (request) =>
      app.fetch(request),
    );
    return {
      place: `http://${host}:${server.port}/`,
      stands: () => true,
      stop: () => server.stop(),
    };
  } catch (error) {
    throw cannotListen(`${host}:${at.port}`, "[api].listen", error);
  }
}

/** True also where nobody may look: a folder that was closed hides the socket from others, or not. */
function leadsTo(path: string, file: string | undefined): boolean {
  try {
    return fileAt(path) === file;
  } catch {
    return true;
  }
}

/**
 * Listens on the unix socket at the path; throws OpError like `listenForHealth`. `before` is the
 * listener that lost this path: it is stopped once the path is free.
 */
export async function listenForControl(
  control: Control,
  socket: string,
  options: AppOptions = {},
  before?: Listening,
): Promise<Listening> {
  const app = controlApp(control, options);
  try {
    await clearSocketPath(socket);
    before?.stop();
    const server = bindPrivately(() =>
      serveBounded({ unix: socket }, MOST_FOR_CONTROL, (request) => app.fetch(request)),
    );
    const own = fileAt(socket);
    const stands = () => leadsTo(socket, own);
    // The runtime removes whatever is at the path by then. A listener without a path needs no end:
    // nobody finds it, and it goes with the process.
    const stop = () => {
      if (stands() || !existsSync(socket)) server.stop();
    };
    return { place: socket, stands, stop };
  } catch (error) {
    throw cannotListen(socket, "[api].socket", error);
  }
}
