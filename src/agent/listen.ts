/** The agent's ports: accepts this user's programs, and no more of them than there is room for. */

import { createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { ExitCode, messageOf, SallyportError } from "../core/errors.ts";
import { codeOf } from "../core/system-error.ts";
import { ownerOf } from "./own-programs.ts";
import { formatPlace } from "../client/places.ts";
import type { Place } from "../client/places.ts";

export interface ListenOptions {
  readonly place: Place;
  /** Accept programs of other users, and where `place` is no loopback those of other computers. */
  readonly share: boolean;
  /** How many connections all ports have together. */
  readonly crowd: Crowd;
  /** Called for each connection, paused and open at both ends until each is ended. */
  readonly serve: (socket: Socket) => Promise<void>;
  readonly report: (line: string) => void;
}

/** Each has two descriptors, and most systems give a process 1,024. */
const MOST_CONNECTIONS = 400;

/** The connections of all ports. */
export class Crowd {
  readonly #sockets = new Set<Socket>();
  readonly #most: number;

  constructor(most = MOST_CONNECTIONS) {
    this.#most = most;
  }

  /** Enters a socket until it is closed; false where there is no room. */
  enter(socket: Socket): boolean {
    if (this.#sockets.size >= this.#most) return false;
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    return true;
  }

  /** Breaks all: what is cut off must not look whole. */
  end(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }
}

function refusal(socket: Socket, { share, crowd }: ListenOptions): string | undefined {
  const owner = share ? "own" : ownerOf(socket);
  // Its program went away before anybody could see whose it was.
  if (owner === "unknown") return "";
  if (owner !== "own") {
    return `a program of another user (uid ${owner.uid}) was refused: the agent serves those of the user that it runs as, unless --share lets others in`;
  }
  return crowd.enter(socket)
    ? undefined
    : "a connection was refused: there are too many at once: close some, or end what makes so many";
}

function failure(place: Place, error: unknown): SallyportError {
  const code = codeOf(error);
  const [state, remedy] =
    code === "EADDRINUSE"
      ? [
          "another program listens there",
          "see whether an agent runs already, or name another port with --listen",
        ]
      : code === "EADDRNOTAVAIL"
        ? ["this computer has no such address", "name one that it has"]
        : code === "EACCES"
          ? ["ports below 1024 are for root", "name a higher one"]
          : [messageOf(error), "name another address or port"];
  return new SallyportError(
    `Cannot listen on ${formatPlace(place)}: ${state}: ${remedy}`,
    ExitCode.failure,
    { cause: error },
  );
}

/** Resolves once the port listens. Throws a SallyportError where it cannot. */
export function listen(options: ListenOptions): Promise<Server> {
  const { place, serve, report } = options;
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    socket.on("error", () => {}); // told by "close", too
    const why = refusal(socket, options);
    if (why === undefined) {
      void serve(socket).catch((error: unknown) => {
        socket.destroy();
        report(`a connection ended: ${messageOf(error)}`);
      });
      return;
    }
    if (why !== "") report(why);
    socket.resetAndDestroy();
  });
  return new Promise((resolve, reject) => {
    // Later ones, of a single connection that could not be accepted, leave the port as it is.
    server.on("error", (error) => reject(failure(place, error)));
    server.listen({ host: place.address, port: place.port }, () => resolve(server));
  });
}
