/** The tools of a step: one machine, a client outside of it, and the links that the client got. */

import { parseProfileLink } from "../../src/rks/profile-link.ts";
import type { Answer, Client } from "./client.ts";
import type { Machine } from "./machine.ts";
import type { Network } from "./network.ts";
import { ADDRESS, type Family } from "./recipe.ts";
import { watchPort } from "./watch-port.ts";

export interface Step {
  /** The outcome that is wanted, as a sentence. */
  readonly name: string;
  /** Throws where the outcome is another; the report shows its answer beside the time. */
  readonly play: (scene: Scene) => Promise<string | void>;
}

/** The doors of `CONFIG` that have links. */
export type Door = "ssh" | "slow";

/** 22/tcp as README.md has it; a step as long as can be, for knocks replayed after a reboot; one that knows no keys. */
export const CONFIG = `[door.ssh]
opens = ["22/tcp"]
users = ["alice"]
open_for = "8s"

[door.slow]
opens = ["2222/tcp"]
users = ["alice"]
step = "5m"
open_for = "8s"

[door.fixed]
opens = ["22/tcp"]
sequence = ["7001", "9002", "8003"]
open_for = "5s"
`;

/** A command that writes `CONFIG` into the machine, or adds it to the file there. */
export function writeConfig(how: ">" | ">>"): string {
  return `base64 -d ${how}/etc/sallyport/config.toml <<<${Buffer.from(CONFIG).toString("base64")}`;
}

/** The knock of the door "fixed", as the client takes it. */
export const FIXED = ["7001", "9002", "8003"];

/** The ports that the doors open. */
const PORTS = [22, 2222];

/**
 * A device may open a door twice at once; so many let steps follow each other without a wait. A
 * machine whose clock goes back needs one that has not knocked yet.
 */
const DEVICES = { 4: 7, 6: 1 } as const;

export interface SceneParts {
  readonly machine: Machine;
  readonly client: Client;
  readonly network: Network;
  readonly families: readonly Family[];
}

export class Scene {
  readonly machine: Machine;
  readonly client: Client;
  readonly network: Network;
  readonly families: readonly Family[];
  readonly #links = new Map<string, string[]>();

  constructor({ machine, client, network, families }: SceneParts) {
    this.machine = machine;
    this.client = client;
    this.network = network;
    this.families = families;
  }

  get addresses(): string[] {
    return this.families.map((family) => ADDRESS[family]);
  }

  /** Makes devices by the documented command and takes their links. */
  async addDevices(): Promise<void> {
    for (const family of this.families) {
      const said = await this.machine.run(
        `for i in $(seq ${DEVICES[family]}); do sallyport user add alice --device v${family}-$i --host ${ADDRESS[family]} || exit 1; done`,
      );
      for (const [link] of said.matchAll(/rks1:\/\/\S+/g)) {
        const place = `${parseProfileLink(link).door} ${family}`;
        this.#links.set(place, [...(this.#links.get(place) ?? []), link]);
      }
    }
  }

  /** The link of the device whose turn it is. */
  link(door: Door, family: Family = 4): string {
    const links = this.#links.get(`${door} ${family}`) ?? [];
    const link = links.shift();
    if (link === undefined) throw new Error(`there is no link for ${door} over IPv${family}`);
    links.push(link);
    return link;
  }

  /** A link that no later step will use, since this use keeps it from opening for a while. */
  spend(door: Door): string {
    const links = this.#links.get(`${door} 4`)!;
    if (links.length < 2) throw new Error(`too few devices for ${door}`);
    return links.shift()!;
  }

  /** The door "ssh" is shut until a knock, which lets a real ssh in. */
  async opensByKnock(family: Family = 4): Promise<void> {
    const address = ADDRESS[family];
    await this.shuts(address);
    this.client.knock(this.link("ssh", family));
    const said = this.client.ssh(address, "echo in");
    if (said !== "in") throw new Error(`ssh said "${said}"`);
  }

  /** Waits until a port lets in: after a knock that was only sent, or where nothing guards. */
  async opens(port: number, address: string = ADDRESS[4]): Promise<void> {
    const deadline = performance.now() + 20_000;
    let met: Answer;
    do {
      met = this.client.probe(address, port);
      if (met === "open") return;
    } while (performance.now() < deadline);
    throw new Error(`${port}/tcp of ${address} is ${met}`);
  }

  /** Waits until a port answers as it does to somebody without a grant: an earlier one may live yet. */
  async shuts(address: string, port = 22): Promise<void> {
    const deadline = performance.now() + 20_000;
    let met: Answer;
    do {
      met = this.client.probe(address, port);
      if (met === "refused") return;
      await Bun.sleep(500);
    } while (performance.now() < deadline);
    throw new Error(`${port}/tcp of ${address} is ${met} without a knock`);
  }

  /** Does something while the ports of both doors are tried every 20 ms; throws where one was ever open. */
  async neverOpen(action: () => Promise<void>): Promise<string> {
    // A grant of the step before may live yet.
    for (const address of this.addresses) {
      for (const port of PORTS) await this.shuts(address, port);
    }
    const watches = PORTS.map((port) => watchPort(this.network, this.addresses, port));
    const done = await action().then(
      () => undefined,
      (error: unknown) => error,
    );
    const all = await Promise.all(watches.map((watch) => watch.stop()));
    if (done !== undefined) throw done;
    for (const [i, seen] of all.entries()) {
      if (seen.open.length > 0) {
        const first = seen.open.slice(0, 4).map(([address, at]) => `${address} at ${at}`);
        throw new Error(`${PORTS[i]}/tcp was open ${seen.open.length} times: ${first.join(", ")}`);
      }
      if (seen.refused === 0) throw new Error("nothing was refused: the machine was not seen");
    }
    const attempts = all.reduce((sum, seen) => sum + seen.attempts, 0);
    const pauseMs = Math.max(...all.map((seen) => seen.pauseMs));
    return `${attempts} attempts, none let in; longest pause between two ${pauseMs} ms`;
  }

  /** Waits until the service runs: another process than `before`, where that is given. */
  async serves(before = ""): Promise<void> {
    await this.machine.run(
      `for i in $(seq 300); do
        pid=$(systemctl show -p MainPID --value sallyport)
        systemctl is-active -q sallyport && [ "$pid" != "${before}" ] && exit 0
        sleep 0.2
      done
      systemctl status sallyport; exit 1`,
      { mostMs: 120_000 },
    );
  }

  /** The process of the daemon. */
  async pid(): Promise<string> {
    return await this.machine.run("systemctl show -p MainPID --value sallyport");
  }

  /** The output of a command in the machine must match; the command may fail. */
  async says(pattern: RegExp, script: string): Promise<void> {
    const said = await this.machine.run(script, { mayFail: true });
    if (!pattern.test(said)) throw new Error(`${script}: no ${pattern} in: ${said}`);
  }

  /** As `says`, tried again until it matches, for output that comes a moment later. */
  async comesToSay(pattern: RegExp, script: string, mostMs = 30_000): Promise<void> {
    const deadline = performance.now() + mostMs;
    for (;;) {
      try {
        await this.says(pattern, script);
        return;
      } catch (error) {
        if (performance.now() > deadline) throw error;
        await Bun.sleep(500);
      }
    }
  }
}
