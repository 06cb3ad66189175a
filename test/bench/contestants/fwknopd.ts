/** fwknopd 2.6.10, by capture and as a UDP server: one encrypted packet, an iptables rule. */

import { Fwknopd } from "../../support/peers.ts";
import {
  type Contestant,
  type ContestantName,
  type NamedLoad,
  type Opening,
  type PrepareOptions,
  type Running,
  SERVICE_PORT,
  type Setup,
} from "../contestant.ts";
import { encodeFrames, type Load } from "../load/load.ts";
import type { Stage } from "../stage.ts";

const ANYBODY = "11.0.0.1";

/** lib/fko.h: the default port. */
const SPA_PORT = 62_201;

/** Twice as many different packets as a portion of the load holds. */
const FORGERIES = 128;

class RunningFwknopd implements Running {
  readonly #daemon: Fwknopd;
  readonly #stage: Stage;
  readonly #users: number;
  readonly pids: readonly number[];
  /** Packets that look right: of the length and the alphabet of a real one. */
  readonly #forged: readonly string[];
  #turn = 0;

  constructor(daemon: Fwknopd, stage: Stage, users: number) {
    this.#daemon = daemon;
    this.#stage = stage;
    this.#users = users;
    this.pids = daemon.pidsOf("fwknopd");
    const { length } = daemon.packet(ANYBODY);
    this.#forged = encodeFrames(
      Array.from({ length: FORGERIES }, () => {
        const bytes = crypto.getRandomValues(new Uint8Array(length));
        const text = bytes.toBase64({ omitPadding: true }).slice(0, length);
        return stage.datagram(ANYBODY, SPA_PORT, Buffer.from(text));
      }),
    );
  }

  prepare(sources: readonly string[], { door = 0 }: PrepareOptions = {}): Promise<Opening[]> {
    const port = SERVICE_PORT + door;
    const openings = sources.map((source) => {
      const packet = this.#daemon.packet(source, this.#turn++ % this.#users, `tcp/${port}`);
      const knocks = [this.#stage.datagram(source, SPA_PORT, Buffer.from(packet))];
      return { source, port, knocks, completes: 0 };
    });
    return Promise.resolve(openings);
  }

  heard(perSecond: number | null): Load {
    return { frames: this.#forged, source: { random: { framesEach: 1 } }, perSecond };
  }

  worst(): readonly NamedLoad[] {
    return [{ name: "valid-looking datagrams from random sources", load: this.heard(null) }];
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#daemon[Symbol.dispose]();
    return Promise.resolve();
  }
}

function contestant(
  name: ContestantName,
  title: string,
  settings: string,
  lines: readonly string[],
): Contestant {
  const start = async (stage: Stage, { users, doors = 1, openSeconds = 2 }: Setup) => {
    const opens = Array.from({ length: doors }, (_, door) => `tcp/${SERVICE_PORT + door}`);
    const daemon = await Fwknopd.start(stage.lab, { openSeconds, users, opens, settings: lines });
    return new RunningFwknopd(daemon, stage, users);
  };
  return { name, title, settings, start };
}

/** PCAP_LOOP_SLEEP is in microseconds; its default is a tenth of a second. */
export const fwknopd = contestant(
  "fwknopd",
  "fwknopd 2.6 (pcap)",
  "PCAP_LOOP_SLEEP 1, the least it accepts (default 100000), which keeps a core awake; most of its time is its capture's own buffering, which has no setting",
  ["PCAP_LOOP_SLEEP 1"],
);

export const fwknopdUdp = contestant(
  "fwknopd-udp",
  "fwknopd 2.6 (UDP server)",
  "ENABLE_UDP_SERVER Y; select() wakes it",
  ["ENABLE_UDP_SERVER Y"],
);
