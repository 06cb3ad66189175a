/**
 * P31: every debt is paid: every close command starts exactly once, every use is written, every
 * opening told.
 */

import { Database } from "bun:sqlite";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { run } from "../support/programs.ts";
import { CLIENT, SERVER, Stage, STRANGER, webDoor } from "./stage.ts";
import { type Finding, finding, type Scale, type Trial } from "./trial.ts";

/** The service's user: one that no program else runs as. */
const UID = 61_934;

const AS_USER = ["setpriv", `--reuid=${UID}`, `--regid=${UID}`, "--clear-groups"];

const AS_SERVICE = [
  ...AS_USER,
  "--inh-caps=-all,+net_raw,+net_admin",
  "--ambient-caps=-all,+net_raw,+net_admin",
  "--bounding-set=-all,+net_raw,+net_admin",
];

/** Records why it was started; one write of a line is atomic. */
const WITNESS = `#!/bin/sh\necho "$1" >> "$0.ran"\n`;

function makeWitness(folder: string, after = ""): string {
  const script = join(folder, "closer");
  writeFileSync(script, `${WITNESS}${after}\n`);
  writeFileSync(`${script}.ran`, "");
  chmodSync(script, 0o755);
  chmodSync(`${script}.ran`, 0o666);
  return script;
}

/** How often each address was closed. */
function closings(script: string): Map<string, number> {
  const times = new Map<string, number>();
  if (!existsSync(`${script}.ran`)) return times;
  for (const line of readFileSync(`${script}.ran`, "utf8").split("\n").filter(Boolean)) {
    times.set(line, (times.get(line) ?? 0) + 1);
  }
  return times;
}

const addressOf = (i: number) => `10.99.${i >>> 8}.${i & 0xff}`;

async function until(holds: () => boolean | Promise<boolean>, mostMs: number): Promise<boolean> {
  const deadline = Date.now() + mostMs;
  while (!(await holds())) {
    if (Date.now() > deadline) return false;
    await Bun.sleep(50);
  }
  return true;
}

/** Everybody knocks at once, and while their grants end there is no descriptor to be had. */
async function crowdEnds(scale: Scale): Promise<Finding> {
  const count = scale === "quick" ? 300 : 5_000;
  const openSeconds = scale === "quick" ? 8 : 30;
  const users = Array.from({ length: count }, (_, i) => `user${i}`);
  await using stage = await Stage.set(webDoor(), { users, start: false, as: AS_SERVICE });
  const { dir, pid } = { dir: stage.server.dir, pid: () => String(stage.server.pid) };
  const script = makeWitness(dir);
  const close = JSON.stringify([script, "{address}"]);
  // Open commands fill the queue of the door before any close is due.
  const open = JSON.stringify(["/bin/sleep", "0.3"]);
  stage.server.writeConfig(
    `[door.web]\nopens = ["8080/tcp"]\nusers = ["*"]\nopen_for = "${openSeconds}s"\nrun = { open = ${open}, close = ${close} }\n`,
  );
  chmodSync(dir, 0o755);
  mkdirSync(join(dir, "run"));
  for (const path of [join(dir, "run"), stage.stateDir]) chownSync(path, UID, UID);
  for (const name of readdirSync(stage.stateDir)) chownSync(join(stage.stateDir, name), UID, UID);
  stage.lab.run("server", ["ip", "route", "add", "default", "via", STRANGER]);
  await stage.server.start();
  await stage.roomInSlot(12_000);
  const knocks = users.flatMap((user, i) => stage.knocks(addressOf(i), user));
  await stage.wire.send(
    "stranger",
    knocks.map((knock) => stage.wire.frame(knock)),
    { perSecond: 25_000 },
  );
  const counters = () => stage.counters();
  await until(async () => (await counters())["grantsOpened"]! >= count, 60_000);
  const { grantsOpened = 0 } = await counters();
  // There are none from before the first end until a while after the last. (Without threads the
  // runtime itself gives up: then the service manager starts the daemon again, as in the third
  // trial.)
  const limit = (descriptors: string) =>
    run([...AS_USER, "prlimit", "--pid", pid(), `--nofile=${descriptors}:`]);
  limit(String(readdirSync(`/proc/${pid()}/fd`).length));
  await until(async () => (await counters())["grantsClosed"]! >= grantsOpened, 120_000);
  await Bun.sleep(1_000);
  const { closesOwed: short = 0, commandsDropped: dropped = 0 } = await counters();
  limit("1024");
  const done = await until(async () => (await counters())["closesOwed"] === 0, 100_000);
  // The last have started, and may not have written yet.
  await until(() => closings(script).size === count, 10_000);
  const ran = closings(script);
  const once = [...ran.values()].filter((times) => times === 1).length;
  await stage.server.stop();
  const told = stage.server
    .command("log", "--type", "grant.opened", "--json")
    .out.trim()
    .split("\n");
  using uses = new Database(join(stage.stateDir, "uses.db"), { readonly: true });
  const { n } = uses.query<{ n: number }, []>("SELECT count(*) AS n FROM uses").get()!;
  return finding(
    grantsOpened === count &&
      done &&
      once === count &&
      ran.size === count &&
      told.length === count &&
      n === count &&
      short > 0,
    `${grantsOpened} of ${count} opened and ended, ${dropped} open commands dropped and counted; without a descriptor ` +
      `${short} closes were owed; then ${once} started once, ${ran.size - once} more often, ${count - ran.size} never; ` +
      `${n} uses written, ${told.length} openings in the audit log`,
  );
}

/** Forged knocks at a fixed door whose commands hang; a rotating door's must not wait for them. */
async function starving(scale: Scale): Promise<Finding> {
  const doors = (script: string) =>
    webDoor(
      ["alice"],
      `open_for = "2s"\nrun = { open = ${JSON.stringify([script, "opened"])}, close = ${JSON.stringify([script, "closed"])} }`,
    ) +
    `[door.legacy]\nopens = ["8443/tcp"]\nsequence = ["7000", "8000", "9000"]\nopen_for = "1s"\n` +
    `run = { open = ["/bin/sleep", "100"], close = ["/bin/sleep", "100"] }\n`;
  await using stage = await Stage.set(webDoor(), { start: false });
  const script = makeWitness(stage.server.dir);
  stage.server.writeConfig(doors(script));
  stage.lab.run("server", ["ip", "route", "add", "default", "via", STRANGER]);
  await stage.server.start();
  const forged = Array.from({ length: 4_000 }, (_, i) =>
    [7000, 8000, 9000].map((port) => stage.wire.frame({ from: addressOf(i), to: SERVER, port })),
  ).flat();
  const flood = stage.wire.start("stranger", forged, { count: 1e9, perSecond: 3_000 });
  await Bun.sleep(scale === "quick" ? 4_000 : 30_000);
  await stage.roomInSlot(6_000);
  const began = performance.now();
  await stage.wire.knock("client", stage.knocks(CLIENT));
  const came = async (word: string) => {
    await until(() => closings(script).has(word), 15_000);
    return performance.now() - began;
  };
  const openMs = await came("opened");
  const closeMs = (await came("closed")) - 2_000;
  const { commandsDropped = 0, closesOwed = 0, commandsWaiting = 0 } = await stage.counters();
  flood.stop();
  await flood.sent;
  return finding(
    openMs < 5_000 && closeMs < 5_000 && closesOwed <= 1_024,
    `beside ${commandsWaiting} commands of a forged door that wait (${closesOwed} owed, ${commandsDropped} dropped and counted), ` +
      `a rotating door's open command started after ${Math.round(openMs)} ms, its close command ${Math.round(closeMs)} ms after the end`,
  );
}

/** Killed while hundreds are due: the next daemon pays them all, at once. */
async function killed(scale: Scale): Promise<Finding> {
  const count = scale === "quick" ? 60 : 300;
  await using stage = await Stage.set(webDoor(), { start: false });
  // Slow, so that most wait when the daemon dies.
  const script = makeWitness(stage.server.dir, "sleep 0.3");
  stage.server.writeConfig(
    webDoor(["alice"], `run = { close = ${JSON.stringify([script, "{address}"])} }`),
  );
  await stage.server.start();
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    const answer = await stage.server.control("/v1/doors/web/grants", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ address: addressOf(i), for: "1h" }),
    });
    ids.push(((await answer.json()) as { id: string }).id);
  }
  for (const id of ids)
    await stage.server.control(`/v1/grants/${encodeURIComponent(id)}`, { method: "DELETE" });
  const before = closings(script).size;
  await stage.server.stop("SIGKILL");
  const from = stage.server.log.length;
  await stage.server.start();
  const done = await until(() => closings(script).size === count, 60_000);
  const twice = [...closings(script).values()].filter((times) => times > 1).length;
  const warned = stage.logged(/which may have run before/, from);
  return finding(
    done && twice <= warned,
    `${count} closed by hand an hour before their time, ${before} started before the kill; after it all but ${count - closings(script).size} were, ` +
      `${twice} of them twice, of ${warned} that the log calls doubtful`,
  );
}

export const trials: Trial[] = [
  {
    promise: "P31",
    attack: "a crowd's grants end together, with a full queue and no descriptor",
    play: crowdEnds,
  },
  {
    promise: "P31",
    attack: "forged knocks at a door whose commands hang, beside one whose do not",
    play: starving,
  },
  {
    promise: "P31",
    attack: "kill -9 while hundreds of close commands are due",
    play: killed,
  },
];
