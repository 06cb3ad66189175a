/** Waits until a TCP port answers, from the moment a knock has left. */

import { createConnection } from "node:net";
import type { Socket } from "node:net";
import type { PortAnswer, Probe } from "./probe.ts";
import type { Target } from "./targets.ts";

/**
 * When probes start, in milliseconds after the knock. The first leaves a moment for the server to open:
 * a SYN that outruns the grant is dropped, and the kernel repeats it only after a second.
 */
const PROBE_AT_MS = [5, 40, 120, 300, 700, 1_200] as const;

/** After those, one probe every so often. */
const PROBE_EVERY_MS = 1_000;

function probeTimes(timeoutMs: number): number[] {
  const times = PROBE_AT_MS.filter((at) => at < timeoutMs) as number[];
  for (let at = PROBE_AT_MS.at(-1)! + PROBE_EVERY_MS; at < timeoutMs; at += PROBE_EVERY_MS) {
    times.push(at);
  }
  return times;
}

/** How waiting for a port ended. */
export interface Awaited {
  /** The first connection that stands, paused and owned by the caller. */
  readonly socket?: Socket;
  /** "silent" where every probe remained without an answer, "refused" where one was refused and none let in. */
  readonly answer: PortAnswer;
}

/**
 * Waits for the first connection that stands, `timeoutMs` at most. A refused or unanswered probe ends
 * nothing before that: the knock may still be on its way. Earlier probes stay until the end, because on a
 * door of one connection the first SYN let through is the one that counts. A probe of `before` the
 * knock that connects is as good as any, and is ended here.
 */
export function awaitOpen(
  { address }: Target,
  port: number,
  timeoutMs: number,
  before?: Probe,
): Promise<Awaited> {
  const probes = new Set<Socket>();
  const timers: Timer[] = [];
  let refused = false;
  let done = false;
  return new Promise((resolve) => {
    const finish = (winner: Socket | undefined, wonBefore = false) => {
      if (done) return;
      done = true;
      for (const timer of timers) clearTimeout(timer);
      for (const probe of probes) if (probe !== winner) probe.destroy();
      probes.clear();
      if (!wonBefore) before?.end();
      resolve(
        winner === undefined
          ? { answer: refused ? "refused" : "silent" }
          : { socket: winner, answer: "open" },
      );
    };
    const probe = () => {
      const socket = createConnection({ host: address, port, autoSelectFamily: false });
      probes.add(socket);
      socket.pause();
      socket.on("error", () => {
        if (probes.delete(socket)) refused = true;
      });
      socket.once("connect", () => finish(socket));
    };
    for (const at of probeTimes(timeoutMs)) timers.push(setTimeout(probe, at));
    timers.push(setTimeout(() => finish(undefined), timeoutMs));
    void before?.opened.then((socket) => finish(socket, true));
  });
}
