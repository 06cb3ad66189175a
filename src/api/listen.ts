/** Serves the two apps: health on TCP, control on the unix socket. */

import type { Control } from "./control.ts";
import { controlApp } from "./control-app.ts";
import { serveBounded } from "./bounded-server.ts";
import { codeOf } from "../core/system-error.ts";
import type { AppOptions } from "./health-app.ts";
import { healthApp } from "./health-app.ts";
import { bindPrivately, clearSocketPath } from "./unix-socket.ts";
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
  /** Cuts open connections and removes the socket. May be called again. */
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
    return { place: `http://${host}:${server.port}/`, stop: () => server.stop() };
  } catch (error) {
    throw cannotListen(`${host}:${at.port}`, "[api].listen", error);
  }
}

/** Listens on the unix socket at the path; throws OpError like `listenForHealth`. */
export async function listenForControl(
  control: Control,
  socket: string,
  options: AppOptions = {},
): Promise<Listening> {
  const app = controlApp(control, options);
  try {
    await clearSocketPath(socket);
    const server = bindPrivately(() =>
      serveBounded({ unix: socket }, MOST_FOR_CONTROL, (request) => app.fetch(request)),
    );
    return { place: socket, stop: () => server.stop() };
  } catch (error) {
    throw cannotListen(socket, "[api].socket", error);
  }
}
