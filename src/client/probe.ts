/** One look at a TCP port: a single SYN, and what comes back. */

import { createConnection } from "node:net";
import type { Socket } from "node:net";
import type { Target } from "./targets.ts";

/**
 * What a TCP port answers. "refused" is a reset, or an error of the network, which the runtime reports
 * alike; "silent" is nothing so far.
 */
export type PortAnswer = "open" | "refused" | "silent";

/** A probe under way. */
export interface Probe {
  /** What has come back by now. */
  readonly answer: PortAnswer;
  /** The connection, paused, once it stands: of whoever takes it, if `end` was not called. */
  readonly opened: Promise<Socket>;
  /** Closes what it has. */
  end(): void;
}

/**
 * The network may swap a probe and the knocks that follow: queues of network cards are served up to about
 * a millisecond apart. A knock waits so long, or until the probe is answered.
 */
const LEAD_MS = 5;

/** Ends before the kernel sends the SYN again (after a second): that one would see what the knock did. */
const LIFE_MS = 900;

/** Probes a port before a knock; resolves when the knock may follow. */
export async function probeBefore({ address }: Target, port: number): Promise<Probe> {
  let answer: PortAnswer = "silent";
  const socket = createConnection({ host: address, port, autoSelectFamily: false });
  socket.pause();
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
