/** P1 and P2: a knock is not forged by luck, and no scan opens a door. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatKeys, makeKey } from "../../src/keys/keys.ts";
import { emptyKnock } from "../../src/core/knock.ts";
import { Matcher } from "../../src/match/matcher.ts";
import { DEFAULT_SPACE, type KnockSpace } from "../../src/rks/space.ts";
import { EXECUTABLE } from "../support/executable.ts";
import { Lab } from "../support/lab.ts";
import { run } from "../support/programs.ts";
import { randomFrom } from "../support/random.ts";
import { Knockd } from "../support/peers.ts";
import { LEGACY_DOOR, SERVER, Stage, STRANGER, webDoor } from "./stage.ts";
import { type Finding, finding, type Scale, type Trial } from "./trial.ts";
import { Wire } from "./wire.ts";

/** So small that luck can be counted: C(16, 3) = 560 sequences, 5 ports remembered. */
const TINY: KnockSpace = {
  ...DEFAULT_SPACE,
  lo: 20_000,
  hi: 20_015,
  ports: 3,
  slack: 2,
  skew: 0,
};

function choose(total: number, chosen: number): number {
  let count = 1;
  for (let i = 0; i < chosen; i++) count = (count * (total - i)) / (i + 1);
  return count;
}

/** Random knocks against many keys of a tiny space, counted against `V · C(k−1, n−1) / C(R, n)`. */
async function bound(scale: Scale): Promise<Finding> {
  const devices = 2_000;
  const packets = scale === "full" ? 1_000_000 : 50_000;
  const random = randomFrom(1);
  const rotating = Array.from({ length: devices }, (_, i) => {
    return { door: "web", user: `user${i}`, device: "default", key: makeKey("lab"), space: TINY };
  });
  let opened = 0;
  const matcher = new Matcher(
    { rotating, fixed: [] },
    {
      // Never spent, so that every completion counts and the chance stays the same.
      rotating: () => (opened++, "kept"),
      fixed: () => undefined,
      repeated: () => undefined,
      reused: () => undefined,
    },
  );
  const startMs = 1_800_000_000_000;
  while (matcher.prepare(startMs, 10_000));
  const knock = emptyKnock();
  Object.assign(knock, { family: 4, proto: 6, s0: 0x0a4d0002, timeMs: startMs });
  for (let i = 0; i < packets; i++) {
    knock.port = TINY.lo + random(16);
    matcher.feed(knock);
  }
  const perPacket = (devices * choose(TINY.ports + TINY.slack - 1, TINY.ports - 1)) / choose(16, 3);
  const seen = opened / packets;
  return finding(
    opened > 0 && seen <= perPacket * 1.02, // equal on average; 2 % is 20 standard deviations
    `${packets} random packets completed ${seen.toFixed(1)} sequences each, the bound says at most ${perPacket.toFixed(1)}`,
  );
}

/** A configuration whose bound is too weak is refused with the number of ports that would do. */
async function weakConfig(): Promise<Finding> {
  const dir = mkdtempSync(join(tmpdir(), "sallyport-"));
  try {
    const config = (ports: number) => {
      writeFileSync(
        join(dir, "config.toml"),
        `[server]\nname = "lab"\nstate_dir = "${dir}"\n[knock]\nports = ${ports}\n${webDoor()}`,
      );
      return run([EXECUTABLE, "check", "--config", join(dir, "config.toml")], { mayFail: true });
    };
    const keys = [{ user: "alice", device: "default", key: makeKey("lab") }];
    writeFileSync(join(dir, "keys.toml"), formatKeys(keys), { mode: 0o600 });
    const refused = config(5);
    const wanted = Number(/ports = (\d+)/.exec(refused.err)?.[1]);
    const accepted = config(wanted);
    return finding(
      refused.code === 78 && accepted.code === 0,
      `5 ports: exit ${refused.code}, says ports = ${wanted}; with these: exit ${accepted.code}`,
    );
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Every port from 1 to 65,535 in the three orders people scan in. */
function scans(rounds: number): number[][] {
  const ascending = Array.from({ length: 65_535 }, (_, i) => i + 1);
  const random = randomFrom(7);
  const shuffled = () => {
    const ports = [...ascending];
    for (let i = ports.length - 1; i > 0; i--) {
      const j = random(i + 1);
      [ports[i], ports[j]] = [ports[j]!, ports[i]!];
    }
    return ports;
  };
  return Array.from({ length: rounds }, () => [
    ascending,
    ascending.toReversed(),
    shuffled(),
  ]).flat();
}

async function scan(scale: Scale): Promise<Finding> {
  await using stage = await Stage.set(webDoor() + LEGACY_DOOR);
  await stage.roomInSlot(scale === "full" ? 20_000 : 5_000);
  const frames = scans(scale === "full" ? 5 : 1).map((ports) =>
    ports.map((port) => stage.wire.frame({ from: STRANGER, to: SERVER, port })),
  );
  let seconds = 0;
  for (const one of frames) seconds += (await stage.wire.send("stranger", one)).seconds;
  await stage.settled();
  const { knocks = 0, captureDrops = 0 } = await stage.counters();
  const grants = (await stage.grants()).length;
  const rate = Math.round((frames.length * 65_535) / seconds);
  return finding(
    grants === 0 && knocks > 30_000 * frames.length,
    `${frames.length} scans at ${rate} packets a second, ${knocks} knocks heard, ${captureDrops} dropped: ${grants} grants`,
  );
}

async function ascendingSequence(): Promise<Finding> {
  const door = LEGACY_DOOR.replace(/sequence = .*/, 'sequence = ["7001", "7002", "7003"]');
  await using stage = await Stage.set(door, { start: false });
  const { code, err } = stage.server.command("check");
  return finding(
    code === 78 && /config\.toml:\d+/.test(err),
    `check exits with ${code} and names the line: ${/config\.toml:\d+/.test(err)}`,
  );
}

async function scanKnockd(): Promise<Finding> {
  using lab = new Lab();
  const wire = new Wire(lab);
  using knockd = await Knockd.start(lab);
  for (const ports of scans(1)) {
    await wire.knock(
      "stranger",
      ports.map((port) => ({ from: STRANGER, to: SERVER, port })),
      50_000,
    );
    await Bun.sleep(200);
  }
  const opened = (await knockd.opened()).length;
  return finding(
    opened === 0,
    `7000, 8000, 9000: 3 scans at 50,000 packets a second opened it ${opened} times`,
  );
}

export const trials: Trial[] = [
  { promise: "P1", attack: "random packets against 2,000 keys of a tiny range", play: bound },
  { promise: "P1", attack: "a configuration with too few ports", play: weakConfig },
  {
    promise: "P2",
    attack: "ascending, descending and random SYN scans of all ports at full speed",
    play: scan,
    peers: { knockd: scanKnockd },
  },
  { promise: "P2", attack: "a fixed sequence that a scan completes", play: ascendingSequence },
];
