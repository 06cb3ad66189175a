/** TCP connections begun and ended in one thread, as fast as the kernel makes them. */

import { dlopen } from "bun:ffi";
import { inside } from "./inside.ts";

/** sys/socket.h */
const AF_INET = 2;
const SOCK_STREAM = 1;
const BACKLOG = 128;
/** `struct sockaddr_in { u16 family; be16 port; u8 addr[4]; u8 zero[8]; }` */
const SOCKADDR_BYTES = 16;

function open() {
  return dlopen("libc.so.6", {
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
    listen: { args: ["i32", "i32"], returns: "i32" },
    connect: { args: ["i32", "ptr", "u32"], returns: "i32" },
    accept: { args: ["i32", "ptr", "ptr"], returns: "i32" },
    close: { args: ["i32"], returns: "i32" },
  }).symbols;
}

function socketAddress(address: string, port: number): Uint8Array {
  const bytes = new Uint8Array(SOCKADDR_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_INET, true);
  view.setUint16(2, port);
  bytes.set(address.split(".").map(Number), 4);
  return bytes;
}

/** A service in one namespace and its only client in another. Needs root. */
export class ConnectionLoop implements Disposable {
  readonly #libc = open();
  readonly #client: string;
  readonly #to: Uint8Array;
  readonly #listening: number;

  /** `server` and `client` are names of namespaces; listens on `address` of the server's. */
  constructor(server: string, client: string, address: string, port: number) {
    this.#client = client;
    this.#to = socketAddress(address, port);
    this.#listening = inside(server, () => this.#libc.socket(AF_INET, SOCK_STREAM, 0));
    if (
      this.#libc.bind(this.#listening, this.#to, SOCKADDR_BYTES) !== 0 ||
      this.#libc.listen(this.#listening, BACKLOG) !== 0
    ) {
      throw new Error(`Cannot listen on ${address}:${port}`);
    }
  }

  /** Nanoseconds for each of `count` connections: begun, accepted, ended by the server, ended by the client. */
  run(count: number): number {
    const libc = this.#libc;
    return inside(this.#client, () => {
      const begin = Bun.nanoseconds();
      for (let i = 0; i < count; i++) {
        const mine = libc.socket(AF_INET, SOCK_STREAM, 0);
        if (libc.connect(mine, this.#to, SOCKADDR_BYTES) !== 0) throw new Error("Not let in");
        const theirs = libc.accept(this.#listening, null, null);
        libc.close(theirs);
        libc.close(mine);
      }
      return (Bun.nanoseconds() - begin) / count;
    });
  }

  [Symbol.dispose](): void {
    this.#libc.close(this.#listening);
  }
}
