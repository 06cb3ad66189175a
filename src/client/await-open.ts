/** Waits until a TCP port answers, from the moment at which a knock has left. */

import type { Socket } from "node:net";
import { connectPaused } from "./connect.ts";
import type { PortAnswer, Probe } from "./probe.ts";
import type { Target } from "./targets.ts";

/**
 * When probes start, in milliseconds after the knock. The first leaves a moment for the server to open:
 * a SYN that outruns the grant is dropped, and the kernel repeats it only after a second.
 */
const PROBE_AT_MS = [5, 40, 120, 300, 700, 1_200] as const;

/** The pause between the probes after those. */
const PROBE_EVERY_MS = 1_000;

function probeTimes(timeoutMs: number): number[] {
  const times = PROBE_AT_MS.filter((at) => at < timeoutMs) as number[];
  for (let at = PROBE_AT_MS.at(-1)! + PROBE_EVERY_MS; at < timeoutMs; at += PROBE_EVERY_MS) {
    times.push(at);
  }
  return times;
}

/** The result of waiting for a port. */
export interface Awaited {
  /** The first open connection, paused and owned by the caller. */
  readonly socket?: Socket;
  /**
   * "silent" where no probe got an answer, "refused" where at least one was refused and none
   * connected.
   */
  readonly answer: PortAnswer;
}

/**
 * Waits for the first open connection, at most `timeoutMs`. A refused or unanswered probe does not
 * end the wait: the knock may still be on its way. Earlier probes stay until the end, because on a
 * door of one connection the first SYN let through is the one that counts. The connection of a
 * probe `before` the knock counts too; the probe is ended here.
 */
export function awaitOpen(
  target: Target,
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
      const socket = connectPaused(target, port);
      probes.add(socket);
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
