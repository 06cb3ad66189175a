/**
 * The least that a process can do when a packet comes: wait for a datagram, then `listen()` on the port, a system call
 * of some microseconds. It captures, decodes and guards nothing: what it takes is the way of a packet to a sleeping process on
 * this machine, which no program that sleeps outside of the kernel can be quicker than.
 */

import { waitFor } from "../../support/peer-daemon.ts";
import {
  type Contestant,
  type NamedLoad,
  type Opening,
  type Running,
  SERVICE_PORT,
} from "../contestant.ts";
import { encodeFrames, type Load } from "../load/load.ts";
import type { Stage } from "../stage.ts";

const ANYBODY = "11.0.0.1";
const KNOCK_PORT = 62_202;

/** The port is the process's own: behind the usual one, a service listens. */
const GUARDED_PORT = SERVICE_PORT + 1;

/** Closed again before the next knock, which comes 20 ms later at the earliest. */
const OPEN_SECONDS = 0.01;

const PROGRAM = `
use Socket;
socket(my $knock, PF_INET, SOCK_DGRAM, 0) or die $!;
bind($knock, sockaddr_in(${KNOCK_PORT}, INADDR_ANY)) or die $!;
sub closed {
  socket(my $door, PF_INET, SOCK_STREAM, 0) or die $!;
  setsockopt($door, SOL_SOCKET, SO_REUSEADDR, 1);
  bind($door, sockaddr_in(${GUARDED_PORT}, INADDR_ANY)) or die $!;
  return $door;
}
my $door = closed();
$| = 1;
print "ready\\n";
while (1) {
  recv($knock, my $bytes, 64, 0);
  listen($door, 64);
  select(undef, undef, undef, ${OPEN_SECONDS});
  close($door);
  $door = closed();
}`;

class RunningBare implements Running {
  readonly #stage: Stage;
  readonly #child;

  private constructor(stage: Stage) {
    this.#stage = stage;
    this.#child = stage.lab.start("server", ["perl", "-e", PROGRAM]);
  }

  static async begin(stage: Stage): Promise<RunningBare> {
    const running = new RunningBare(stage);
    await waitFor(running.#child.stdout, /ready/);
    return running;
  }

  get pids(): readonly number[] {
    return [this.#child.pid];
  }

  prepare(sources: readonly string[]): Promise<Opening[]> {
    const knock = (from: string) => this.#stage.datagram(from, KNOCK_PORT, new Uint8Array(1));
    return Promise.resolve(
      sources.map((from) => {
        return { source: from, port: GUARDED_PORT, knocks: [knock(from)], completes: 0 };
      }),
    );
  }

  heard(perSecond: number | null): Load {
    const frames = encodeFrames([this.#stage.datagram(ANYBODY, KNOCK_PORT, new Uint8Array(1))]);
    return { frames, source: { random: { framesEach: 1 } }, perSecond };
  }

  worst(): readonly NamedLoad[] {
    return [{ name: "its datagram from random sources", load: this.heard(null) }];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }
}

export const bare: Contestant = {
  name: "bare",
  title: "a bare process",
  settings:
    "perl: a datagram wakes it, it listens on the port; guards nothing; the limit of any process",
  start: (stage) => RunningBare.begin(stage),
};
