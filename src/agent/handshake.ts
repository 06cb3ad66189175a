/** Asks a program that has connected where to: SOCKS5 or HTTP, told apart by the first byte. */

import type { Socket } from "node:net";
import type { Destination } from "../client/dial.ts";
import { HTTP_CONNECTED, httpFailure, readHttpRequest } from "./http-request.ts";
import type { HttpRequest } from "./http-request.ts";
import type { FailureKind, Parsed } from "./parsed.ts";
import { readGreeting, readRequest, SOCKS5, SOCKS5_CONNECTED, socks5Failure } from "./socks5.ts";

/** A program that said where to, and what to answer it. */
export interface Dial {
  readonly kind: "dial";
  readonly to: Destination;
  /** What it said beyond that, which belongs to the connection. */
  readonly rest: Uint8Array;
  readonly connected: Uint8Array;
  failed(kind: FailureKind, reason: string): Uint8Array;
}

export type Asked =
  | Dial
  | { readonly kind: "page"; readonly request: HttpRequest & { readonly method: "GET" } }
  /** No dial: the answer for the program, and the reason for a person. */
  | { readonly kind: "refused"; readonly reason: string; readonly answer: Uint8Array }
  /** It went away, or said too little for too long. */
  | { readonly kind: "gone" };

const SOCKS4 = 4;
const TLS_HANDSHAKE = 0x16;
/** SOCKS4: VN, CD 91 (rejected), and six bytes that do not count. */
const SOCKS4_REJECTED = Uint8Array.of(0, 0x5b, 0, 0, 0, 0, 0, 0);
const NOTHING = new Uint8Array();

/** The bytes of a socket, a message at a time. */
class Inbox {
  readonly #socket: Socket;
  #bytes: Uint8Array = NOTHING;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** The next message; undefined where the socket ends before it is whole. Leaves the socket paused. */
  async read<T>(
    parse: (bytes: Uint8Array) => Parsed<T>,
  ): Promise<Exclude<Parsed<T>, { readonly kind: "more" }> | undefined> {
    for (;;) {
      const parsed: Parsed<T> = this.#bytes.length === 0 ? { kind: "more" } : parse(this.#bytes);
      if (parsed.kind === "whole") this.#bytes = this.#bytes.subarray(parsed.length);
      if (parsed.kind !== "more") return parsed;
      const chunk = await this.#chunk();
      if (chunk === undefined) return undefined;
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
    }
  }

  rest(): Uint8Array {
    return this.#bytes;
  }

  #chunk(): Promise<Uint8Array | undefined> {
    const socket = this.#socket;
    // An end that came along with the last bytes is not told again.
    if (socket.destroyed || socket.readableEnded) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const settle = (chunk?: Uint8Array) => {
        socket.pause();
        socket.off("data", settle).off("end", end).off("close", end);
        resolve(chunk);
      };
      const end = () => settle();
      socket.on("data", settle).on("end", end).on("close", end);
      socket.resume();
    });
  }
}

/** Whatever its length, the first byte tells what follows. */
function firstByte(bytes: Uint8Array): Parsed<number> {
  return { kind: "whole", value: bytes[0]!, length: 0 };
}

function foreign(first: number): Asked {
  const [reason, answer] =
    first === SOCKS4
      ? ["a program speaks SOCKS4 here: set it to SOCKS5", SOCKS4_REJECTED]
      : first === TLS_HANDSHAKE
        ? ["a program speaks TLS here: set the proxy without it, as http:// or SOCKS5", NOTHING]
        : ["a program speaks neither SOCKS5 nor HTTP here", NOTHING];
  return { kind: "refused", reason, answer };
}

async function readSocks5(socket: Socket, inbox: Inbox): Promise<Asked> {
  const greeting = await inbox.read(readGreeting);
  if (greeting === undefined) return { kind: "gone" };
  if (greeting.kind === "broken") {
    return { ...greeting, kind: "refused", reason: `a program was refused: ${greeting.reason}` };
  }
  socket.write(greeting.value);
  const request = await inbox.read(readRequest);
  if (request === undefined) return { kind: "gone" };
  if (request.kind === "broken") {
    return { ...request, kind: "refused", reason: `a program was refused: ${request.reason}` };
  }
  return {
    kind: "dial",
    to: request.value,
    rest: inbox.rest(),
    connected: SOCKS5_CONNECTED,
    failed: socks5Failure,
  };
}

async function readHttp(inbox: Inbox): Promise<Asked> {
  const read = await inbox.read(readHttpRequest);
  if (read === undefined) return { kind: "gone" };
  if (read.kind === "broken") {
    return { ...read, kind: "refused", reason: `a program was refused: ${read.reason}` };
  }
  const { value: request } = read;
  if (request.method === "GET") return { kind: "page", request };
  return {
    kind: "dial",
    to: request.to,
    rest: inbox.rest(),
    connected: HTTP_CONNECTED,
    failed: httpFailure,
  };
}

/**
 * Reads what a program asks for, at most `patienceMs`: then the socket is destroyed. Leaves the socket
 * paused, and reads a bounded number of bytes, whatever it says.
 */
export async function readHandshake(socket: Socket, patienceMs: number): Promise<Asked> {
  const deadline = setTimeout(() => socket.destroy(), patienceMs);
  try {
    const inbox = new Inbox(socket);
    const first = await inbox.read(firstByte);
    if (first === undefined || first.kind !== "whole") return { kind: "gone" };
    if (first.value === SOCKS5) return await readSocks5(socket, inbox);
    const isLetter = first.value >= 0x41 && first.value <= 0x5a;
    return isLetter ? await readHttp(inbox) : foreign(first.value);
  } finally {
    clearTimeout(deadline);
  }
}
