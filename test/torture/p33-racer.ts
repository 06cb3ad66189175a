/**
 * P33: the service's user, who owns the state folder, gains nothing over root by racing for names
 * in it.
 */

import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Database } from "bun:sqlite";
import { formatKeys, makeKey } from "../../src/keys/keys.ts";
import { AuditLog } from "../../src/store/audit.ts";
import { AUDIT_SCHEMA } from "../../src/store/audit-schema.ts";
import { EXECUTABLE } from "../support/executable.ts";
import { run, spawnSync } from "../support/programs.ts";
import { race, type RaceOptions } from "../support/racer.ts";
import { CLIENT, Stage, webDoor } from "./stage.ts";
import { type Finding, finding, type Scale, type Trial } from "./trial.ts";

/** The service's user: one that no program else runs as. */
const UID = 61_933;

/** The content of every file of root's: it would be printed as a name wherever the file is read. */
const CANARY = "canary-of-root";

/** No command waits longer: five seconds for a lock, as long for a pipe, and its own start. */
const MOST_MS = 15_000;

/** The names in the state folder that are swapped. */
const STANDING = ["keys.toml", "server-name", "audit.db", "audit.db-wal", "audit.db-shm"] as const;

/** Files of root's that would be read in place of others. */
function makeVictims(folder: string): Record<string, string> {
  mkdirSync(folder, { mode: 0o700 });
  const keys = join(folder, "keys.toml");
  writeFileSync(keys, formatKeys([{ user: "alice", device: CANARY, key: makeKey("other") }]));
  const log = new AuditLog(folder, { nowMs: Date.now(), report: () => {} });
  log.add({ type: "daemon.started", atMs: Date.now(), version: CANARY });
  log.close();
  const name = join(folder, "server-name");
  writeFileSync(name, `${CANARY}\n`);
  const secret = join(folder, "secret");
  writeFileSync(secret, `${CANARY}\n`);
  const victims = { keys, audit: join(folder, "audit.db"), name, secret };
  for (const path of Object.values(victims)) chmodSync(path, 0o600);
  return victims;
}

/** Links, hard links as a kernel without protected_hardlinks lets him make them, pipes and folders. */
function makeTraps(folder: string, victims: Record<string, string>): void {
  mkdirSync(folder, { mode: 0o700 });
  const { keys = "", audit = "", name = "", secret = "" } = victims;
  const fitting = { "keys.toml": keys, "audit.db": audit, "server-name": name };
  for (const [standing, victim] of Object.entries(fitting)) {
    symlinkSync(victim, join(folder, `${standing}:link`));
    linkSync(victim, join(folder, `${standing}:hard`));
  }
  symlinkSync(secret, join(folder, "any:link"));
  linkSync(secret, join(folder, "any:hard"));
  mkdirSync(join(folder, "any:folder"));
  run(["mkfifo", "-m", "600", join(folder, "any:pipe")]);
  for (const made of readdirSync(folder)) {
    const path = join(folder, made);
    // A hard-linked file stays root's.
    if (/folder$|pipe$/.test(made)) chownSync(path, UID, UID);
  }
  chownSync(folder, UID, UID);
}

function facts(path: string): string {
  const { uid, gid, mode, size, mtimeMs, ctimeMs } = statSync(path);
  const digest = new Bun.CryptoHasher("sha256").update(readFileSync(path)).digest("hex");
  // Moving a hard link sets the time of the inode's change: that is the racer's own doing.
  return JSON.stringify({ uid, gid, mode, size, mtimeMs, digest, linked: ctimeMs > 0 });
}

interface Command {
  readonly argv: readonly string[];
  /** The daemon must be gone for it. */
  readonly alone?: boolean;
}

function commands(out: string, last: string, i: number): Command[] {
  const user = `guest${i}`;
  const missing = join(out, "no-such.toml");
  return [
    { argv: ["user", "add", user, "--device", "a"] },
    { argv: ["user", "show", "alice"] },
    { argv: ["user", "list"] },
    { argv: ["log"] },
    { argv: ["log", "--type", "no.such"] },
    { argv: ["check"] },
    { argv: ["doctor"] },
    { argv: ["status"] },
    { argv: ["arm", "--for", "1h"] },
    { argv: ["reload"] },
    { argv: ["confirm", "--force"] },
    { argv: ["open", "web", CLIENT] },
    { argv: ["grants"] },
    { argv: ["why", CLIENT] },
    { argv: ["close", CLIENT] },
    { argv: ["user", "remove", user] },
    { argv: ["firewall", "show"] },
    { argv: ["service", "install", "--executable", "/usr/local/bin/sallyport", "--root", out] },
    { argv: ["firewall", "load"], alone: true },
    { argv: ["firewall", "load", "--config", missing, "--fallback", last], alone: true },
    { argv: ["firewall", "remove"], alone: true },
  ];
}

const TAKES_NO_CONFIG = new Set(["firewall show", "firewall remove", "service install"]);

function argvOf({ argv }: Command, config: string): string[] {
  const takesNone = argv.includes("--config") || TAKES_NO_CONFIG.has(argv.slice(0, 2).join(" "));
  const named = takesNone ? [] : ["--config", config];
  return [EXECUTABLE, ...argv, ...named];
}

const AS_SERVICE = [
  "setpriv",
  `--reuid=${UID}`,
  `--regid=${UID}`,
  "--clear-groups",
  "--inh-caps=-all,+net_raw,+net_admin",
  "--ambient-caps=-all,+net_raw,+net_admin",
  "--bounding-set=-all,+net_raw,+net_admin",
];

async function racer(scale: Scale): Promise<Finding> {
  const rounds = scale === "quick" ? 2 : 40;
  await using stage = await Stage.set(webDoor(), { start: false, as: AS_SERVICE });
  const { dir } = stage.server;
  chmodSync(dir, 0o755);
  mkdirSync(join(dir, "run"));
  for (const path of [join(dir, "run"), stage.stateDir]) chownSync(path, UID, UID);
  for (const name of readdirSync(stage.stateDir)) chownSync(join(stage.stateDir, name), UID, UID);
  const victims = makeVictims(join(dir, "root"));
  makeTraps(join(dir, "traps"), victims);
  const out = join(dir, "package");
  mkdirSync(out, { mode: 0o700 });
  const last = join(stage.stateDir, "config.last.toml");
  await stage.server.start();
  const before = Object.values(victims).map(facts);
  const options: RaceOptions = {
    folder: stage.stateDir,
    names: "\\.new$|\\.lock|^probation$|^config\\.last|^first-start$",
    victim: victims["secret"]!,
    uid: UID,
    standing: STANDING,
    traps: join(dir, "traps"),
  };
  const racing = await race(options);
  let ran = 0;
  let slowest = { ms: 0, name: "" };
  const told: string[] = [];
  const play = (command: Command) => {
    const began = performance.now();
    const done = stage.lab.run("server", argvOf(command, stage.server.config), { mayFail: true });
    const ms = performance.now() - began;
    if (ms > slowest.ms) slowest = { ms, name: command.argv.join(" ") };
    ran++;
    if (`${done.out}${done.err}`.includes(CANARY)) told.push(command.argv.join(" "));
  };
  for (let i = 0; i < rounds; i++) {
    for (const command of commands(out, last, i)) if (command.alone !== true) play(command);
  }
  await stage.server.stop();
  for (let i = 0; i < rounds; i++) {
    for (const command of commands(out, last, i)) if (command.alone === true) play(command);
  }
  const taken = await racing.stop();
  const after = Object.values(victims).map(facts);
  const changed = after.filter((text, i) => text !== before[i]).length;
  const owned = readdirSync(stage.stateDir).filter((name) => {
    const stat = lstatSync(join(stage.stateDir, name), { throwIfNoEntry: false });
    return stat !== undefined && stat.uid === 0 && stat.nlink === 1;
  });
  return finding(
    changed === 0 && told.length === 0 && owned.length === 0 && slowest.ms < MOST_MS && taken > 0,
    `${ran} commands of root against ${taken} names taken: ${changed} files of root's changed, ` +
      `${told.length} read out${told.length > 0 ? ` (${told[0]})` : ""}, ` +
      `${owned.length} of root's left in the folder${owned.length > 0 ? ` (${owned[0]})` : ""}, ` +
      `the slowest took ${(slowest.ms / 1_000).toFixed(1)} s (${slowest.name})`,
  );
}

/** Logs that would keep their reader for ever. */
const ENDLESS: Record<string, (file: string) => void> = {
  "a pipe": (file) => void run(["mkfifo", file]),
  "a pipe for its journal": (file) => {
    makeLog(file, AUDIT_SCHEMA.schema);
    run(["mkfifo", `${file}-journal`]);
  },
  "a view without an end": (file) => {
    makeLog(
      file,
      `CREATE VIEW records AS WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n)
       SELECT id, 0 AS at_ms, 'x' AS type, '' AS door, '' AS user, '' AS device, '' AS address,
       '{}' AS detail FROM n WHERE id < 0`,
    );
  },
};

function makeLog(file: string, schema: string): void {
  using database = new Database(file);
  database.run(schema);
  database.run(`PRAGMA application_id = ${AUDIT_SCHEMA.applicationId}`);
  database.run(`PRAGMA user_version = ${AUDIT_SCHEMA.version}`);
}

async function endless(): Promise<Finding> {
  await using stage = await Stage.set(webDoor(), { start: false });
  chmodSync(stage.server.dir, 0o755);
  let slowest = 0;
  let refused = 0;
  for (const make of Object.values(ENDLESS)) {
    for (const name of readdirSync(stage.stateDir)) rmSync(join(stage.stateDir, name));
    make(join(stage.stateDir, "audit.db"));
    for (const name of readdirSync(stage.stateDir)) chownSync(join(stage.stateDir, name), UID, UID);
    chownSync(stage.stateDir, UID, UID);
    const began = performance.now();
    const argv = argvOf({ argv: ["log"] }, stage.server.config);
    const done = spawnSync(argv, { timeout: MOST_MS, stderr: "pipe" });
    slowest = Math.max(slowest, performance.now() - began);
    if (done.exitCode === 1 && done.stderr.toString().includes("Cannot show the log")) refused++;
  }
  const kinds = Object.keys(ENDLESS);
  return finding(
    refused === kinds.length && slowest < MOST_MS,
    `${refused} of ${kinds.length} refused (${kinds.join(", ")}), the slowest after ${(slowest / 1_000).toFixed(1)} s`,
  );
}

export const trials: Trial[] = [
  {
    promise: "P33",
    attack: "links, hard links, pipes and swaps at every name, against each command of root",
    play: racer,
  },
  {
    promise: "P33",
    attack: "a log that never ends for whoever reads it",
    play: endless,
  },
];
