/** One look at a TCP port: a single SYN, and what comes back. */

import type { Socket } from "node:net";
import { connectPaused } from "./connect.ts";
import type { Target } from "./targets.ts";

/**
 * The answer of a TCP port. "refused" is a reset, or an error of the network, which the runtime
 * reports alike; "silent" is no answer so far.
 */
export type PortAnswer = "open" | "refused" | "silent";

/** A probe under way. */
export interface Probe {
  /** The answer so far. */
  readonly answer: PortAnswer;
  /**
   * The connection, paused, once it is open. It belongs to the caller who takes it, unless `end`
   * was called.
   */
  readonly opened: Promise<Socket>;
  /** Closes the connection or the attempt. */
  end(): void;
}

/**
 * The network may swap a probe and the knocks that follow: queues of network cards are served up to
 * about a millisecond apart. A knock waits this long, or until the probe is answered.
 */
const LEAD_MS = 5;

/**
 * Ends before the kernel repeats the SYN (after a second): the repeated one would see the effect of
 * the knock.
 */
const LIFE_MS = 900;

/** Probes a port before a knock; resolves when the knock may follow. */
export async function probeBefore(target: Target, port: number): Promise<Probe> {
  let answer: PortAnswer = "silent";
  const socket = connectPaused(target, port);
  const end = () => {
    clearTimeout(life);
    socket.destroy();
  };
  const life = setTimeout(() => void (answer === "silent" && end()), LIFE_MS);
  const opened = new Promise<Socket>((resolve) => socket.once("connect", () => resolve(socket)));
  const answered = new Promise<void>((resolve) => {
    const settle = (what: PortAnswer) => {
      clearTimeout(life);
      answer = what;
      resolve();
    };
    socket.on("error", () => answer === "silent" && settle("refused"));
    socket.once("connect", () => settle("open"));
  });
  await Promise.race([answered, Bun.sleep(LEAD_MS)]);
  return {
    get answer() {
      return answer;
    },
    opened,
    end,
  };
}
