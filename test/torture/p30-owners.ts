/**
 * P30: doors that share ports, devices behind one address, every kind of grant, in random order:
 * all views agree after each step.
 */

import type { Explanation } from "../../src/api/control.ts";
import { formatAddress, maskAddress, parseAddress, parsePrefix } from "../../src/core/address.ts";
import type { Grant, GrantKind } from "../../src/core/grant.ts";
import { parsePortRange } from "../../src/core/port.ts";
import { singlePorts } from "../../src/firewall/element-key.ts";
import { KernelGrants } from "../../src/firewall/grants.ts";
import { inside } from "../support/inside.ts";
import { randomFrom } from "../support/random.ts";
import { probe } from "../support/service.ts";
import { CLIENT, SERVER, SERVER6, Stage } from "./stage.ts";
import { type Finding, finding, type Scale, type Trial } from "./trial.ts";

const CLIENT6 = "fd77::2";
const USERS = ["u0", "u1", "u2", "u3", "u4", "u5"] as const;
/** An end or a move this near to a look may be seen before it or after it. */
const BLUR_MS = 3_000;
/** A slow machine plays fewer steps. */
const MOST_MS = 100_000;

interface Shape {
  readonly opens: readonly string[];
  readonly rest: string;
  readonly openForMs: number;
  readonly kind: GrantKind;
  readonly prefix6?: 64;
}

const PLAIN: Shape = {
  opens: ["8080/tcp"],
  rest: 'open_for = "1h"',
  openForMs: 3_600_000,
  kind: "plain",
};
const ONE: Shape = {
  opens: ["8080/tcp"],
  rest: 'open_for = "30m"\nuses = "one"',
  openForMs: 1_800_000,
  kind: "once",
};
const SHORT: Shape = {
  opens: ["8080/tcp", "8081/tcp"],
  rest: 'open_for = "8s"',
  openForMs: 8_000,
  kind: "plain",
};
const IDLE: Shape = {
  opens: ["8080/tcp"],
  rest: 'open_for = "20m"\nidle_close = "5m"',
  openForMs: 1_200_000,
  kind: "idle",
};
const NET: Shape = {
  opens: ["8080-8081/tcp"],
  rest: 'open_for = "2h"\nprefix6 = 64',
  openForMs: 7_200_000,
  kind: "plain",
  prefix6: 64,
};
const FIXED: Shape = {
  opens: ["8080/tcp"],
  rest: 'open_for = "40m"',
  openForMs: 2_400_000,
  kind: "fixed",
};
const SHAPES = [PLAIN, ONE, SHORT, IDLE, NET] as const;

type Doors = ReadonlyMap<string, Shape>;

function configOf(doors: Doors): string {
  const tables = Array.from(doors, ([name, { opens, rest, kind }]) => {
    const way =
      kind === "fixed"
        ? 'sequence = ["7000", "9000", "8000"]\nclose_sequence = ["8000", "9000", "7000"]'
        : `users = ${JSON.stringify(USERS)}`;
    return `[door.${name}]\nopens = ${JSON.stringify(opens)}\n${way}\n${rest}\n`;
  });
  return tables.join("\n");
}

/** A grant as it should live. */
interface Lives {
  readonly door: string;
  readonly address: string;
  readonly who: string;
  shape: Shape;
  endMs: number;
}

const whoOf = ({ via, user }: Grant) => user ?? via;

class Play {
  readonly stage: Stage;
  readonly #random: (below: number) => number;
  #doors: Map<string, Shape>;
  #lives: Lives[] = [];
  readonly #knocked = new Set<string>();

  constructor(stage: Stage, doors: Doors, random: (below: number) => number) {
    this.stage = stage;
    this.#random = random;
    this.#doors = new Map(doors);
  }

  #pick<T>(of: readonly T[]): T {
    return of[this.#random(of.length)]!;
  }

  /** Does one step. Returns its description. */
  async step(): Promise<string> {
    const from = this.#pick([CLIENT, CLIENT, CLIENT6]);
    const door = this.#pick([...this.#doors.keys()].filter((name) => name !== "legacy"));
    const act = this.#pick([
      "knock",
      "knock",
      "knock",
      "fixed",
      "reclose",
      "hand",
      "close",
      "close",
      "connect",
      "reload",
      "wait",
      "restart",
    ]);
    switch (act) {
      case "knock":
        return await this.#knock(from, door);
      case "fixed":
        return await this.#fixed(from, [7_000, 9_000, 8_000], true);
      case "reclose":
        return await this.#fixed(from, [8_000, 9_000, 7_000], false);
      case "hand": {
        const done = this.stage.server.command("open", door, from, "--for", "50m");
        if (done.code !== 0) throw new Error(done.err);
        this.#enter(door, from, "hand", {
          ...this.#doors.get(door)!,
          kind: "plain",
          openForMs: 3_000_000,
        });
        return `open ${door} ${from}`;
      }
      case "close":
        return await this.#close();
      case "connect":
        return this.#connect(from);
      case "reload": {
        this.#doors.set(door, this.#pick(SHAPES));
        this.stage.server.writeConfig(configOf(this.#doors));
        const done = this.stage.server.command("reload", "--yes");
        if (done.code !== 0) throw new Error(done.err);
        return `reload ${door}`;
      }
      case "restart":
        return await this.#restart();
      default: {
        const ends = this.#lives.map(({ endMs }) => endMs - Date.now()).filter((ms) => ms < 12_000);
        await Bun.sleep(Math.max(0, ...ends) + BLUR_MS);
        return "wait";
      }
    }
  }

  async #restart(): Promise<string> {
    const before = await this.stage.grants();
    await this.stage.server.stop("SIGKILL");
    await this.stage.server.start();
    for (const { id, openedMs, door } of await this.stage.grants()) {
      const was = before.find((grant) => grant.id === id)?.openedMs;
      if (was !== openedMs) throw new Error(`${door} was opened at ${was}, then at ${openedMs}`);
    }
    return "restart";
  }

  async #knock(from: string, door: string): Promise<string> {
    await this.stage.roomInSlot(3_000);
    const fresh = USERS.filter((user) => !this.#knocked.has(this.#slotOf(user, door)));
    if (fresh.length === 0) return "no slot is left";
    const user = this.#pick(fresh);
    this.#knocked.add(this.#slotOf(user, door));
    const at = this.stage.server.log.length;
    const knocks = this.stage.knocks(from, user, { door });
    await this.stage.wire.send(
      "client",
      knocks.map((knock) => this.stage.wire.frame(knock)),
    );
    await this.stage.server.waitForLog(new RegExp(`(Opened|Renewed) ${door} `), at);
    this.#enter(door, from, user, this.#doors.get(door)!);
    return `knock ${door} ${from} ${user}`;
  }

  /** Identifies one opening: the ports of a sequence belong to a user, a door and a slot. */
  #slotOf(user: string, door: string): string {
    return `${door} ${this.stage.ports(user, { door }).join()}`;
  }

  async #fixed(from: string, ports: readonly number[], opens: boolean): Promise<string> {
    const to = from.includes(":") ? SERVER6 : SERVER;
    const held = this.#lives.some((one) => one.door === "legacy" && one.address === from);
    if (opens === held) return "nothing";
    const at = this.stage.server.log.length;
    const frames = ports.map((port) => this.stage.wire.frame({ from, to, port }));
    await this.stage.wire.send("client", frames);
    await this.stage.server.waitForLog(opens ? /Opened legacy / : /Closed legacy /, at);
    if (opens) this.#enter("legacy", from, "fixed", FIXED);
    else this.#lives = this.#lives.filter((one) => one.door !== "legacy" || one.address !== from);
    return `${opens ? "knock" : "close knock"} legacy ${from}`;
  }

  async #close(): Promise<string> {
    const grants = await this.stage.grants();
    if (grants.length === 0) return "nothing";
    const { id, door, address, ...grant } = this.#pick(grants);
    this.stage.server.command("close", id);
    const who = whoOf({ id, door, address, ...grant });
    this.#lives = this.#lives.filter(
      (one) => one.door !== door || one.address !== address || one.who !== who,
    );
    return `close ${door} ${address} ${who}`;
  }

  #connect(from: string): string {
    const able = this.#of(from).filter(({ shape }) => opensPort(shape, 8080));
    if (able.some(({ endMs }) => Math.abs(endMs - Date.now()) < BLUR_MS)) return "nothing";
    const met = probe(this.stage.lab, "client", from === CLIENT ? SERVER : SERVER6, 8080);
    if ((met === "open") !== able.length > 0) {
      throw new Error(`a connection from ${from} was ${met} with ${able.length} grants`);
    }
    const [first] = able;
    if (able.every(({ shape }) => shape.kind === "once")) {
      this.#lives = this.#lives.filter((one) => one !== first);
    }
    return `connect from ${from}: ${met}`;
  }

  #of(from: string): Lives[] {
    const network = formatAddress(maskAddress(parseAddress(from)!, 64));
    return this.#lives.filter(({ address }) => address === from || address === `${network}/64`);
  }

  #enter(door: string, from: string, who: string, shape: Shape): void {
    const network = `${formatAddress(maskAddress(parseAddress(from)!, 64))}/64`;
    const address = shape.prefix6 === 64 && from.includes(":") ? network : from;
    const endMs = Date.now() + shape.openForMs;
    const before = this.#lives.find(
      (one) => one.door === door && one.address === address && one.who === who,
    );
    if (before === undefined) {
      this.#lives.push({ door, address, who, shape, endMs });
      return;
    }
    const same =
      JSON.stringify([before.shape.kind, before.shape.opens]) ===
      JSON.stringify([shape.kind, shape.opens]);
    before.endMs = same ? Math.max(before.endMs, endMs) : endMs;
    before.shape = shape;
  }

  /**
   * Where kernel, ledger, `grants` and `why` differ from the right state; undefined where they
   * agree.
   */
  async differs(): Promise<string | undefined> {
    const now = Date.now();
    this.#lives = this.#lives.filter(({ endMs }) => endMs > now - BLUR_MS);
    const sure = this.#lives.filter(({ endMs }) => endMs > now + BLUR_MS);
    const may = (
      rows: readonly string[],
      surely: readonly string[],
      perhaps: readonly string[],
    ) => {
      const missing = surely.filter((row) => !rows.includes(row));
      const strange = rows.filter((row) => !perhaps.includes(row));
      return missing.length + strange.length === 0
        ? undefined
        : `missing: ${missing.join("; ") || "nothing"}, too many: ${strange.join("; ") || "nothing"}`;
    };
    const row = ({ door, address, who, shape }: Lives) => `${door} ${address} ${who} ${shape.kind}`;
    const listed = (await this.stage.grants()).map(
      (grant) => `${grant.door} ${grant.address} ${whoOf(grant)} ${grant.kind}`,
    );
    const grants = may(listed, sure.map(row), this.#lives.map(row));
    if (grants !== undefined) return `grants: ${grants}`;
    const kernel = may(this.#elements(), elementsOf(sure), elementsOf(this.#lives));
    if (kernel !== undefined) return `kernel: ${kernel}`;
    for (const from of [CLIENT, CLIENT6]) {
      const told = (await (
        await this.stage.server.control(`/v1/why/${from}`)
      ).json()) as Explanation;
      const open = told.findings
        .filter(({ kind }) => kind === "open")
        .map(({ sentence }) => sentence.split(" ")[0]!);
      const doorsOf = (lives: readonly Lives[]) => {
        return this.#of(from)
          .filter((one) => lives.includes(one))
          .map(({ door }) => door);
      };
      const why = may(open, doorsOf(sure), doorsOf(this.#lives));
      if (why !== undefined) return `why ${from}: ${why}`;
    }
    return undefined;
  }

  #elements(): string[] {
    return inside(this.stage.lab.namespace("server"), () => {
      using kernel = KernelGrants.open();
      return (
        kernel
          .list()
          // The daemon's work for a fast first knock.
          .filter(({ label }) => !label.startsWith("warmUp "))
          .map(
            ({ kind, address, port }) =>
              `${kind} ${formatAddress(address)} ${port.proto} ${port.port}`,
          )
      );
    });
  }
}

function opensPort({ opens }: Shape, port: number): boolean {
  return singlePorts(opens.map((text) => parsePortRange(text)!)).some((one) => one.port === port);
}

function elementsOf(lives: readonly Lives[]): string[] {
  return lives.flatMap(({ address, shape }) =>
    singlePorts(shape.opens.map((text) => parsePortRange(text)!)).map(
      (port) =>
        `${shape.kind} ${formatAddress(parsePrefix(address)!.address)} ${port.proto} ${port.port}`,
    ),
  );
}

async function owners(scale: Scale): Promise<Finding> {
  const doors = new Map<string, Shape>([
    ["long", PLAIN],
    ["short", SHORT],
    ["one", ONE],
    ["idle", IDLE],
    ["net", NET],
    ["legacy", FIXED],
  ]);
  const seed = Date.now() % 1_000_000;
  await using stage = await Stage.set(configOf(doors), { users: USERS, services: [8080, 8081] });
  const play = new Play(stage, doors, randomFrom(seed));
  const steps = scale === "full" ? 80 : 14;
  const done: string[] = [];
  const until = performance.now() + MOST_MS;
  while (done.length < steps && performance.now() < until) {
    done.push(await play.step());
    const differs = await play.differs();
    if (differs === undefined) continue;
    return finding(false, `seed ${seed}, after ${done.join(", ")}: ${differs}`);
  }
  const blamed = stage.logged(/deleted by somebody else/);
  return finding(
    blamed === 0,
    `${done.length} random openings, closings, ends, connections, reloads and restarts at 6 doors, 6 devices behind one address: kernel, grants and why agreed after each; blamed on somebody else: ${blamed}`,
  );
}

export const trials: Trial[] = [
  {
    promise: "P30",
    attack: "doors that share a port, in random order",
    play: owners,
  },
];
