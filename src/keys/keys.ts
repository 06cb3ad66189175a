/**
 * keys.toml in the state folder: one key per device. No message of this file quotes any part of a
 * key.
 */

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parse, TomlError } from "smol-toml";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { shellCommand } from "../core/shell-command.ts";
import { FIRST_START_FILE, KEYS_FILE, LAST_KEYS_FILE, showsRun } from "../core/state-files.ts";
import { decodeBase32 } from "../rks/base32.ts";
import { KEY_BYTES, newMaster, serverKey } from "../rks/key.ts";
import { KeyTable } from "../rks/key-table.ts";
import { withFileLock } from "../files/file-lock.ts";
import { identityAt } from "../files/identity.ts";
import { formatKeys, readKeyTable, readKeyText } from "./key-text.ts";
import { lineFinder } from "../config/lines.ts";
import { quote } from "../config/mistake.ts";
import { DEFAULT_DEVICE, isName, NAME_RULE, whoOf } from "../config/names.ts";
import { readPrivateFile, removePrivateFile, writePrivateFile } from "../files/private-file.ts";
import { removeFile } from "../files/remove-file.ts";
import { isTable } from "../config/tables.ts";

export { formatKeys } from "./key-text.ts";

/** The key of one device of one user on this server. */
export interface DeviceKey {
  readonly user: string;
  readonly device: string;
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** Unix milliseconds; absent where the file does not tell. */
  readonly addedMs?: number;
}

/**
 * A fresh key for one device on the server of that name. Its master secret is gone when this
 * returns.
 */
export function makeKey(serverName: string): Uint8Array {
  return serverKey(newMaster(), serverName);
}

export function keysFile(stateDir: string): string {
  return join(stateDir, KEYS_FILE);
}

/** The key at `name`, or a clause that says what is wrong without quoting the entry. */
function readDevice(name: string, entry: unknown): DeviceKey | string {
  const [user = "", device = DEFAULT_DEVICE, extra] = name.split("/");
  if (!isName(user) || !isName(device) || extra !== undefined) {
    return `is not "user/device": write ${NAME_RULE}, twice`;
  }
  if (!isTable(entry)) return `is not a table: write ["${name}"] and the key below it`;
  const unknown = Object.keys(entry).find((word) => word !== "key" && word !== "added");
  if (unknown !== undefined) return "has a key other than key and added: take it out";
  const key = typeof entry["key"] === "string" ? decodeBase32(entry["key"]) : undefined;
  if (key?.length !== KEY_BYTES) {
    return `has no key of ${KEY_BYTES} bytes in base32 (52 characters): remove and add the device again`;
  }
  const added = entry["added"];
  if (added === undefined) return { user, device, key };
  if (!(added instanceof Date) || Number.isNaN(added.getTime())) {
    return "has an added that is no date: write one such as 2026-01-31T12:00:00Z";
  }
  return { user, device, key, addedMs: added.getTime() };
}

/** Asked for only where a file is broken: a clause that says how to get back what worked last. */
type Spare = () => string | undefined;

function parseToml(text: string, file: string, spare: Spare): Record<string, unknown> {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // Line and column only: the parser's message has an excerpt, and the excerpt is a key.
    throw new SallyportError(
      `Cannot load ${file}: TOML is broken at line ${error.line}, column ${error.column}: repair it, or ${spare() ?? "restore a copy"}`,
      ExitCode.config,
    );
  }
}

/**
 * Reads the text of a keys.toml; `file` is its name in messages. Throws (exit 78) with one line for
 * each mistake, and one for `spare` where there is one.
 */
export function parseKeys(
  text: string,
  file = "keys.toml",
  spare: Spare = () => undefined,
): DeviceKey[] {
  const keys = new Map<string, DeviceKey>();
  const wrong: string[] = [];
  const where = (name: string) => `${file}:${lineOf(name, text)}: ${quote(name)}`;
  for (const [name, device] of readDevices(text, file, spare)) {
    if (typeof device === "string") wrong.push(`${where(name)} ${device}`);
    else if (keys.has(`${device.user}/${device.device}`)) {
      wrong.push(`${where(name)} is the same device as one before it: keep one of them`);
    } else keys.set(`${device.user}/${device.device}`, device);
  }
  const shared = sharedKey([...keys.values()]);
  if (shared) wrong.push(`${file}: ${shared} have the same key: remove one and add it again`);
  if (wrong.length > 0) {
    const way = spare();
    const lines = way === undefined ? wrong : [...wrong, `Repair it, or ${way}`];
    throw new SallyportError([`Cannot load ${file}:`, ...lines].join("\n"), ExitCode.config);
  }
  return [...keys.values()];
}

/**
 * Where the table of a device begins. A plain search comes first: in a long file the other takes
 * minutes.
 */
function lineOf(name: string, text: string): number {
  const at = `\n${text}`.indexOf(`\n["${name}"]`);
  return at < 0 ? lineFinder(text)([name]) : text.slice(0, at).split("\n").length;
}

/** Every name with its key, or with the mistake in it. */
function* readDevices(
  text: string,
  file: string,
  spare: Spare,
): Generator<readonly [name: string, device: DeviceKey | string], void> {
  const keys: DeviceKey[] = [];
  const reader = readKeyText(text);
  for (;;) {
    const { done, value } = reader.next();
    if (done !== true) keys.push(value);
    else if (!value) break;
    else return yield* keys.map((key) => [`${key.user}/${key.device}`, key] as const);
  }
  for (const [name, entry] of Object.entries(parseToml(text, file, spare))) {
    yield [name, readDevice(name, entry)];
  }
}

/** Two devices with one key would spend each other's slots, and a log could not tell them apart. */
function sharedKey(keys: readonly DeviceKey[]): string | undefined {
  const seen = new Map<string, DeviceKey>();
  for (const device of keys) {
    const text = Buffer.from(device.key).toString("latin1");
    const other = seen.get(text);
    if (other) {
      return `${whoOf(other.user, other.device)} and ${whoOf(device.user, device.device)}`;
    }
    seen.set(text, device);
  }
  return undefined;
}

/**
 * The text of keys.toml, undefined where there never was one. `user remove` leaves a file with its
 * first line and no keys, so a missing or blank file beside keys that worked was lost. Throws (exit
 * 78) then, and where the file cannot be trusted.
 */
function readKeysFile(stateDir: string): string | undefined {
  const file = keysFile(stateDir);
  const text = readPrivateFile(file);
  if (text !== undefined && text.trim() !== "") return text;
  const last = lastKeysFile(stateDir);
  if (!/^\[/m.test(readPrivateFile(last) ?? "")) return text;
  const state = text === undefined ? "it is gone" : "it is empty";
  throw new SallyportError(
    `Cannot load ${file}: ${state}, and ${last} holds the keys that worked last: run "${shellCommand(["cp", "-p", last, file])}", or remove that one as well where nobody is to have a key`,
    ExitCode.config,
  );
}

/**
 * The keys of the state folder; [] without a file. Throws (exit 78) for a file that was lost or
 * cannot be trusted.
 */
export function loadKeys(stateDir: string): DeviceKey[] {
  const text = readKeysFile(stateDir);
  return text === undefined ? [] : parseOwn(stateDir, text);
}

function parseOwn(stateDir: string, text: string): DeviceKey[] {
  return parseKeys(text, keysFile(stateDir), () => describeSpare(stateDir));
}

/** Undefined where no keys worked before, or the copy of them is broken as well. */
function describeSpare(stateDir: string): string | undefined {
  const last = lastKeysFile(stateDir);
  try {
    if (parseKeys(readPrivateFile(last) ?? "", last).length === 0) return undefined;
  } catch (error) {
    if (error instanceof SallyportError) return undefined;
    throw error;
  }
  return `run "${shellCommand(["cp", "-p", last, keysFile(stateDir)])}" to take the keys that worked last`;
}

/** The keys that a server works by. */
export interface LoadedKeys {
  readonly keys: KeyTable;
  /** The digest of the text they were read from: see `digestOfKeys`. */
  readonly digest: string;
}

/** As `loadKeys`, as a table, the form for a server with a hundred thousand keys. */
export function loadKeyTable(stateDir: string, file = keysFile(stateDir)): LoadedKeys {
  const own = file === keysFile(stateDir);
  const text = (own ? readKeysFile(stateDir) : readPrivateFile(file)) ?? "";
  const keys =
    readKeyTable(text) ?? KeyTable.from(own ? parseOwn(stateDir, text) : parseKeys(text, file));
  return { keys, digest: digestOf(text) };
}

/** Tells the folder of the keys from another one of that name, as below a disk that is not mounted; "" without one. */
export function keysFolder(stateDir: string): string {
  return identityAt(stateDir) ?? "";
}

/** A clause where the file of the keys is not there, or empty: whoever removes the last key leaves a text. */
export function describeMissingKeys(stateDir: string): string | undefined {
  const file = keysFile(stateDir);
  const text = readPrivateFile(file);
  if (text === undefined) return `${file} is not there (is the disk of ${stateDir} mounted?)`;
  return text.trim() === "" ? `${file} is empty` : undefined;
}

/**
 * Tells a changed keys.toml from one that was only touched. Without a file, the digest of an empty
 * text.
 */
export function digestOfKeys(stateDir: string, file = keysFile(stateDir)): string {
  return digestOf(readPrivateFile(file) ?? "");
}

function digestOf(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex");
}

/** Texts that a killed process had not put into place: keys are in them, also such as were removed since. */
const LEFTOVER = /^\.keys(\.last)?\.toml\..+\.new$/;

/**
 * Runs `work` while no other process changes the keys. Throws FileBusy where one still does after `waitMs`; default: a
 * few seconds.
 */
function changing<T>(stateDir: string, work: () => T, waitMs?: number): T {
  const all = () => {
    for (const name of readdirSync(stateDir)) {
      if (LEFTOVER.test(name)) removeFile(join(stateDir, name));
    }
    return work();
  };
  return withFileLock(keysFile(stateDir), all, waitMs);
}

/** Adds one device. Throws when it exists: a key is never replaced silently. */
export function addKey(stateDir: string, added: DeviceKey): void {
  changing(stateDir, () => {
    const first = !existsSync(keysFile(stateDir)) && !showsRun(readdirSync(stateDir));
    const keys = loadKeys(stateDir);
    const { user, device } = added;
    if (keys.some((one) => one.user === user && one.device === device)) {
      const option = device === DEFAULT_DEVICE ? "" : ` --device ${device}`;
      throw new SallyportError(
        `Cannot add ${whoOf(user, device)}: it has a key already: show it with "sallyport user show ${user}${option}", ` +
          `remove it first with "sallyport user remove ${user} --device ${device}", or add another --device`,
      );
    }
    if (first) writePrivateFile(join(stateDir, FIRST_START_FILE), "");
    writePrivateFile(keysFile(stateDir), formatKeys([...keys, added]));
  });
}

/**
 * Removes one device of a user, or all of them without `device`. Returns the removed ones, [] when
 * there were none.
 */
export function removeKeys(stateDir: string, user: string, device?: string): DeviceKey[] {
  return changing(stateDir, () => {
    const keys = loadKeys(stateDir);
    const isGone = (one: DeviceKey) =>
      one.user === user && (device === undefined || one.device === device);
    const gone = keys.filter(isGone);
    if (gone.length > 0) {
      forgetInLastKeys(stateDir, isGone);
      writePrivateFile(keysFile(stateDir), formatKeys(keys.filter((one) => !isGone(one))));
    }
    return gone;
  });
}

export function lastKeysFile(stateDir: string): string {
  return join(stateDir, LAST_KEYS_FILE);
}

/**
 * A removed key must not open again from the copy. It leaves the copy first, and a copy that cannot
 * be read is deleted.
 */
function forgetInLastKeys(stateDir: string, isGone: (key: DeviceKey) => boolean): void {
  const file = lastKeysFile(stateDir);
  let kept: DeviceKey[];
  try {
    const text = readPrivateFile(file);
    if (text === undefined) return;
    kept = parseKeys(text, file).filter((key) => !isGone(key));
  } catch (error) {
    if (!(error instanceof SallyportError)) throw error;
    removePrivateFile(file);
    return;
  }
  writePrivateFile(file, formatKeys(kept));
}

/**
 * Keeps the keys.toml of this digest for a start that finds a broken one; does nothing where the
 * file has changed by now. Runs under the lock of `removeKeys`: a key removed meanwhile must not
 * come back. Does not wait for it: throws FileBusy where a command has it.
 */
export function keepLastKeys(stateDir: string, digest: string): void {
  const file = keysFile(stateDir);
  const isKept = () => digestOf(readPrivateFile(lastKeysFile(stateDir)) ?? "") === digest;
  if (isKept()) return;
  const keep = () => {
    const text = readPrivateFile(file) ?? "";
    if (digestOf(text) === digest) writePrivateFile(lastKeysFile(stateDir), text);
  };
  changing(stateDir, keep, 0);
}
