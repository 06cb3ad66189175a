/**
 * An HTTP server whose connections are bounded in number and time, with one request each. When one
 * connection too many comes, the server closes the one that has gone longest without a whole
 * request. So every request is answered, however many peers only hold connections, and descriptors
 * remain for everything else.
 */

import type { Socket, TCPSocketListener, UnixSocketListener } from "bun";
import { type Head, makeRequest, parseHead, renderResponse } from "./http-message.ts";

/** How long a request may take to arrive, and how long its peer may take to accept the answer. */
const ARRIVE_MS = 10_000;
const TAKE_MS = 10_000;

/**
 * How many connections may be too many for a moment. The request of a new connection needs a turn
 * of the loop to be read, and a peer that dials without end must not push it out before.
 */
const SLACK = 96;
const SLACK_MS = 20;

/** How long the rest of a refused request is read; otherwise its sender never reads the answer. */
const LINGER_MS = 500;

interface Connection {
  /** The bytes of the request so far; undefined once it is complete. */
  received: Buffer | undefined;
  head: Head | undefined;
  /** The bytes still to be sent. */
  answer: Buffer | undefined;
  /** The request was refused before its end. */
  refused: boolean;
  timer: NodeJS.Timeout | undefined;
}

type Peer = Socket<Connection>;

/** The address to listen on. */
export type Place =
  { readonly hostname: string; readonly port: number } | { readonly unix: string };

export interface BoundedServer {
  /** The port in use; 0 on a unix socket. */
  readonly port: number;
  /** Cuts every connection. */
  stop(): void;
}

/** Listens; throws like `Bun.listen`. `most` connections at a time, and 96 more for a moment. */
export function serveBounded(
  place: Place,
  most: number,
  answer: (request: Request) => Response | Promise<Response>,
): BoundedServer {
  /** Oldest first. A byte now and then, which is not a request, makes no connection younger. */
  const peers = new Set<Peer>();

  const endIn = (peer: Peer, ms: number) => {
    clearTimeout(peer.data.timer);
    peer.data.timer = setTimeout(() => peer.terminate(), ms).unref();
  };
  /** Connections whose requests are being answered go last. */
  const closeOldest = () => {
    let [oldest] = peers;
    for (const peer of peers) {
      if (peer.data.received === undefined) continue;
      oldest = peer;
      break;
    }
    oldest?.terminate();
  };
  let trimming: NodeJS.Timeout | undefined;
  const trim = () => {
    trimming = undefined;
    while (peers.size > most) closeOldest();
  };
  /** A late loop runs its timers before it reads. */
  const afterTurn = () => {
    trimming = setTimeout(trim, 0).unref();
  };
  const pass = (peer: Peer) => {
    const { answer: left, refused } = peer.data;
    if (left === undefined) return;
    const written = Math.max(0, peer.write(left));
    peer.data.answer = left.subarray(written);
    if (written < left.length) return;
    peer.data.answer = undefined;
    if (!refused) {
      peer.end();
      return;
    }
    peer.shutdown();
    endIn(peer, LINGER_MS);
  };
  const respond = async (
    peer: Peer,
    respondTo: () => Response | Promise<Response>,
    method: string,
  ) => {
    try {
      const bytes = await renderResponse(await respondTo(), method);
      if (!peers.has(peer)) return;
      peer.data.answer = bytes;
      endIn(peer, TAKE_MS);
      pass(peer);
    } catch {
      // The apps answer errors themselves; this error is one that they could not.
      peer.terminate();
    }
  };
  const take = (peer: Peer, chunk: Buffer) => {
    const { data } = peer;
    if (data.received === undefined) return;
    data.received = Buffer.concat([data.received, chunk]);
    const head = data.head ?? parseHead(data.received);
    if (head === "more") return;
    if (typeof head === "number") {
      data.received = undefined;
      data.refused = true;
      void respond(peer, () => new Response(null, { status: head }), "GET");
      return;
    }
    data.head = head;
    const length = head.length + head.bodyLength;
    if (data.received.length < length) return;
    const bytes = data.received.subarray(0, length);
    data.received = undefined;
    clearTimeout(data.timer);
    void respond(peer, () => answer(makeRequest(head, bytes)), head.method);
  };

  const socket = {
    open: (peer: Peer) => {
      peer.data = {
        received: Buffer.alloc(0),
        head: undefined,
        answer: undefined,
        refused: false,
        timer: undefined,
      };
      if (peers.size >= most + SLACK) closeOldest();
      peers.add(peer);
      if (peers.size > most) trimming ??= setTimeout(afterTurn, SLACK_MS).unref();
      endIn(peer, ARRIVE_MS);
    },
    data: take,
    drain: pass,
    close: (peer: Peer) => {
      clearTimeout(peer.data.timer);
      peers.delete(peer);
    },
    error: () => {},
  };
  const listener: TCPSocketListener<Connection> | UnixSocketListener<Connection> =
    "unix" in place
      ? Bun.listen<Connection>({ unix: place.unix, socket })
      : Bun.listen<Connection>({ ...place, exclusive: true, socket });
  return {
    port: "port" in listener ? listener.port : 0,
    stop: () => {
      clearTimeout(trimming);
      listener.stop(true);
    },
  };
}
