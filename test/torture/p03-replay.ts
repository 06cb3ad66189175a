/** P3 to P6: a knock opens once, whatever happens to the daemon, its files and the clocks. */

import { chmodSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DEFAULT_SPACE } from "../../src/rks/space.ts";
import { Lab } from "../support/lab.ts";
import { probe, startEcho } from "../support/service.ts";
import { type TimedKnock, writeCapture } from "./pcap.ts";
import { Fwknopd, Knockd } from "../support/peers.ts";
import { CLIENT, SERVER, Stage, STRANGER, webDoor } from "./stage.ts";
import { type Finding, finding, type Scale, type Trial } from "./trial.ts";
import { knocksFrom, Wire } from "./wire.ts";

const MINUTE = webDoor(["alice"], 'open_for = "1m"');
const STEP_MS = DEFAULT_SPACE.stepSeconds * 1_000;

async function replayed(scale: Scale): Promise<Finding> {
  await using stage = await Stage.set(MINUTE);
  await stage.roomInSlot(15_000);
  const older = stage.knocks(CLIENT, "alice", { ahead: -1 });
  const used = stage.knocks(CLIENT);
  await stage.wire.knock("client", used);
  await stage.server.waitForLog(/Opened web .* to 10\.77\.0\.2/);
  const rounds = scale === "full" ? 1_000 : 50;
  const from = (address: string) => knocksFrom(address, [...used, ...older]);
  const replay = [...from(CLIENT), ...from(STRANGER)];
  const frames = replay.map((knock) => stage.wire.frame(knock));
  await stage.wire.send("stranger", frames, { count: frames.length * rounds, perSecond: 50_000 });
  await stage.settled();
  const opened = stage.logged(/Opened|Renewed/);
  const alarms = stage.logged(/Refused 10\.77\.0\.3/);
  return finding(
    opened === 1 && alarms === 1 && probe(stage.lab, "stranger", SERVER, 8080) === "refused",
    `${rounds * 4} replays of a used and of an older unused knock, from two addresses: ${opened - 1} further grants, ${alarms} alarm`,
  );
}

async function replayKnockd(): Promise<Finding> {
  using lab = new Lab();
  const wire = new Wire(lab);
  using knockd = await Knockd.start(lab);
  const knock = (from: string) => [7000, 8000, 9000].map((port) => ({ from, to: SERVER, port }));
  await wire.knock("client", knock(CLIENT));
  await knockd.opened();
  await wire.knock("stranger", knock(STRANGER));
  const opened = await knockd.opened();
  const further = opened.filter((address) => address === STRANGER).length;
  return finding(further === 0, `one replay from another address: ${further} further grant`);
}

async function replayFwknopd(): Promise<Finding> {
  using lab = new Lab();
  await startEcho(lab, "server", 8080);
  using fwknopd = await Fwknopd.start(lab);
  const packet = fwknopd.knock("client", CLIENT);
  await Bun.sleep(1_000);
  const before = fwknopd.opened().length;
  const script = `import socket,sys; s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.sendto(sys.stdin.buffer.read(),("${SERVER}",62201))`;
  for (const host of ["client", "stranger"] as const) {
    lab.run(host, ["python3", "-c", script], { input: packet });
  }
  await Bun.sleep(1_000);
  const further = fwknopd.opened().length - before;
  return finding(before === 1 && further === 0, `two replays: ${further} further grants`);
}

/** Knock, let `harm` happen to the dead daemon, start again in the slot, replay from elsewhere. */
async function survives(harm: (stage: Stage) => void): Promise<Finding> {
  await using stage = await Stage.set(MINUTE);
  await stage.roomInSlot(12_000);
  const used = stage.knocks(CLIENT);
  await stage.wire.knock("client", used);
  await stage.server.waitForLog(/Opened web/);
  await Bun.sleep(200); // whatever is written a moment later
  await stage.server.stop("SIGKILL");
  harm(stage);
  const from = stage.server.log.length;
  await stage.server.start();
  await stage.wire.knock("stranger", knocksFrom(STRANGER, used));
  await stage.wire.knock("client", used);
  await stage.settled();
  const opened = stage.logged(/Opened/, from);
  const answer = probe(stage.lab, "stranger", SERVER, 8080);
  const reasons = await stage.reasons();
  const waits = reasons.length === 0 ? "ready at once" : `not ready: ${reasons.join(", ")}`;
  return finding(
    opened === 0 && answer === "refused",
    `replayed after the restart: ${opened} further grants; ${waits}`,
  );
}

/** The files of the state, without the keys, which belong to the administrator. */
function stateFiles(stage: Stage): string[] {
  return readdirSync(stage.stateDir)
    .filter((name) => name !== "keys.toml" && name !== "name")
    .map((name) => join(stage.stateDir, name));
}

function flushTable(stage: Stage): void {
  stage.lab.run("server", ["nft", "delete", "table", "inet", "sallyport"]);
}

function removeState(stage: Stage): void {
  for (const file of stateFiles(stage)) rmSync(file, { recursive: true, force: true });
}

function truncateState(stage: Stage): void {
  for (const file of stateFiles(stage)) {
    try {
      truncateSync(file, 100);
    } catch {
      // A folder, or shorter already.
    }
  }
}

function breakState(stage: Stage): void {
  for (const file of stateFiles(stage)) {
    writeFileSync(file, "this is no database ".repeat(500));
    chmodSync(file, 0o400);
  }
}

/** Runs captures through `sallyport replay`, whose clock is that of the packets. */
async function replayCapture(
  plan: (stage: Stage, nowMs: number) => TimedKnock[],
): Promise<{ opened: number; nearMisses: string[] }> {
  await using stage = await Stage.set(webDoor(), { start: false, services: [] });
  await stage.roomInSlot(5_000);
  const file = join(stage.server.dir, "knock.pcap");
  writeCapture(file, plan(stage, Date.now()));
  const { out, err } = stage.server.command("replay", file, "--json");
  if (out === "") throw new Error(err);
  return JSON.parse(out) as { opened: number; nearMisses: string[] };
}

/** The sequence of `slotsAhead`, sent at a time and from an address. */
function timed(stage: Stage, ahead: number, atMs: number, from = CLIENT): TimedKnock[] {
  return stage.ports("alice", { ahead }).map((port, i) => ({ from, port, atMs: atMs + i }));
}

async function clockSetBack(): Promise<Finding> {
  const { opened } = await replayCapture((stage, nowMs) => {
    const hourAgo = nowMs - 3_600_000;
    return [
      ...timed(stage, 0, nowMs),
      // Recorded an hour ago, never used, played when the clock says an hour ago again.
      ...timed(stage, -3_600_000 / STEP_MS, hourAgo, STRANGER),
      ...timed(stage, 0, hourAgo, STRANGER),
      ...timed(stage, -1, hourAgo + 100, STRANGER),
      ...timed(stage, 0, nowMs + 1_000, STRANGER),
    ];
  });
  return finding(
    opened === 1,
    `4 replays after the packets' clock went back an hour: ${opened - 1} further grants`,
  );
}

async function clockThereAndBack(): Promise<Finding> {
  const { opened } = await replayCapture((stage, nowMs) => [
    ...timed(stage, 0, nowMs),
    ...timed(stage, 0, nowMs + 86_400_000, STRANGER), // a day ahead: nothing of today is valid
    ...timed(stage, 2, nowMs + 2 * STEP_MS), // back again
  ]);
  return finding(
    opened === 2,
    `clock a day ahead and back: the honest client got in ${opened} of 2 times`,
  );
}

async function skewAccepted(): Promise<Finding> {
  await using stage = await Stage.set(webDoor(["alice", "bob", "carol"]), {
    users: ["alice", "bob", "carol"],
  });
  await stage.roomInSlot(8_000);
  const late = stage.knocks("10.77.9.1", "alice", { ahead: -1 });
  await stage.wire.knock("client", late);
  await stage.wire.knock("client", stage.knocks("10.77.9.2", "bob"));
  await stage.wire.knock("client", stage.knocks("10.77.9.3", "carol", { ahead: 1 }));
  await stage.settled();
  const opened = (await stage.grants()).length;
  const off = [-3, -2, 2, 3];
  for (const [i, ahead] of off.entries()) {
    await stage.wire.knock("client", stage.knocks(`10.77.9.${10 + i}`, "bob", { ahead }));
  }
  await stage.settled();
  const further = (await stage.grants()).length - opened;
  return finding(
    opened === 3 && further === 0,
    `clocks 30 s slow, right and 30 s fast: ${opened} of 3 opened; 60 and 90 s off: ${further} of ${off.length}`,
  );
}

async function skewExplained(): Promise<Finding> {
  const { opened, nearMisses } = await replayCapture((stage, nowMs) => timed(stage, -3, nowMs));
  const said = nearMisses.join("; ");
  return finding(
    opened === 0 && /off by about \d+ s \(slow\)/.test(said),
    `replay of a late knock says "${said}"`,
  );
}

async function whyExplains(): Promise<Finding> {
  await using stage = await Stage.set(webDoor());
  await stage.roomInSlot(5_000);
  await stage.wire.knock("client", stage.knocks(CLIENT, "alice", { ahead: -3 }));
  await stage.settled();
  const { out, err, code } = stage.server.command("why", CLIENT);
  return finding(code === 0 && /\(slow\)/.test(out), (out + err).trim().split("\n")[0] ?? "");
}

interface Harm {
  readonly attack: string;
  readonly harm: (stage: Stage) => void;
  readonly awaits?: string;
}

const HARMS: readonly Harm[] = [
  { attack: "kill -9, restart in the slot, replay", harm: () => undefined },
  { attack: "kill -9, state files deleted", harm: removeState },
  { attack: "kill -9, state files truncated", harm: truncateState },
  { attack: "kill -9, state files overwritten and read-only", harm: breakState },
  { attack: "kill -9, table deleted", harm: flushTable },
  {
    attack: "kill -9, state files and table deleted",
    harm: (stage) => {
      removeState(stage);
      flushTable(stage);
    },
  },
];

export const trials: Trial[] = [
  {
    promise: "P3",
    attack: "a captured knock again, in its slot and later, from the same and another address",
    play: replayed,
    peers: { knockd: replayKnockd, fwknopd: replayFwknopd },
  },
  ...HARMS.map(({ harm, ...named }): Trial => {
    return Object.assign(named, { promise: "P4" as const, play: () => survives(harm) });
  }),
  {
    promise: "P5",
    attack: "clock set back an hour after a knock (capture with edited times)",
    play: clockSetBack,
  },
  {
    promise: "P5",
    attack: "clock set a day ahead and back (capture with edited times)",
    play: clockThereAndBack,
  },
  {
    promise: "P6",
    attack: "clients whose clocks are off by 0, 30, 60 and 90 s",
    play: skewAccepted,
  },
  { promise: "P6", attack: "a clock 90 s slow, explained from a capture", play: skewExplained },
  {
    promise: "P6",
    attack: "a clock 90 s slow, explained by why",
    play: whyExplains,
  },
];
