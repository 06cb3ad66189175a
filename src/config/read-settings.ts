/** From parsed TOML to Settings, or to all mistakes in it. Pure. */

import { checkAlarm } from "./alarm.ts";
import { buildDoor, buildSettings } from "./build.ts";
import { checkTogether } from "./checks.ts";
import { checkDoor, checkDoorName } from "./door-checks.ts";
import { doorSchema } from "./door-keys.ts";
import {
  asWritten,
  FORMER_KEYS,
  type FormerKey,
  type RenamedKey,
  withNamesOfNow,
} from "./former-keys.ts";
import { shown } from "./mistake.ts";
import type { Mistake } from "./mistake.ts";
import { checkRun } from "./run-command.ts";
import {
  alarmSchema,
  apiSchema,
  guardSchema,
  knockSchema,
  runSchema,
  serverSchema,
} from "./schema.ts";
import type { KnockTable } from "./schema.ts";
import type { Door, Settings } from "./settings.ts";
import { isTable, knownKeys, readTable } from "./tables.ts";
import * as v from "valibot";

type Report = (mistake: Mistake) => void;

const SECTIONS = ["server", "knock", "door", "guard", "api", "alarm"];

/** The readable part of one door's table, and the keys that cannot be read. */
function readDoor(name: string, value: unknown, report: Report) {
  const path = ["door", name];
  const unread = new Set<string>();
  const note: Report = (mistake) => {
    unread.add(String(mistake.path[path.length]));
    report(mistake);
  };
  const table = knownKeys(value, path, Object.keys(doorSchema.entries), report);
  if (table === undefined) return undefined;
  if (table["run"] !== undefined) {
    const keys = Object.keys(runSchema.entries);
    const run = knownKeys(table["run"], [...path, "run"], keys, report);
    if (run === undefined) unread.add("run");
    table["run"] = run;
  }
  const whole = readTable(doorSchema, table, path, note);
  const readable = Object.entries(table).filter(([key]) => !unread.has(key));
  const written = new Set(readable.map(([key]) => key));
  return { door: whole ?? v.parse(doorSchema, Object.fromEntries(readable)), written, unread };
}

/** The doors with only readable values; mistakes in these and other doors are reported. */
function readDoors(value: unknown, knock: KnockTable, report: Report): Door[] {
  const doors: Door[] = [];
  const none = isTable(value) ? Object.keys(value).length === 0 : value === undefined;
  if (none || !isTable(value)) {
    const state = none ? "is missing, so nothing would be guarded" : `is ${shown(value)}`;
    report({ path: ["door"], state, remedy: "write a table such as [door.ssh]" });
    return doors;
  }
  for (const [name, written] of Object.entries(value)) {
    const named = checkDoorName(name, report);
    const read = readDoor(name, written, report);
    if (read === undefined) continue;
    const { door, unread } = read;
    checkDoor(name, door, read, report);
    checkRun(name, door, report);
    if (named && unread.size === 0) doors.push(buildDoor(name, door, knock));
  }
  return doors;
}

interface Read {
  readonly settings?: Settings;
  readonly mistakes: readonly Mistake[];
}

export interface ReadOptions {
  /** Default: `FORMER_KEYS`. */
  readonly former?: readonly FormerKey[];
  /** Leave out unknown keys. Default: they are mistakes. */
  readonly lenient?: boolean;
}

/** Reads the table from smol-toml; `renamed` lists the keys found under a name of `former`. */
export function readSettings(
  written: unknown,
  { former = FORMER_KEYS, lenient = false }: ReadOptions = {},
): Read & { readonly renamed: readonly RenamedKey[] } {
  const { raw, renamed, mistakes: twice } = withNamesOfNow(written, former);
  const { settings, mistakes } = readNamesOfNow(raw, lenient);
  const told = mistakes.map((mistake) => ({ ...mistake, path: asWritten(mistake.path, renamed) }));
  if (settings === undefined || twice.length > 0) return { mistakes: [...twice, ...told], renamed };
  return { settings, mistakes: [], renamed };
}

/** Settings are returned only without any mistake. */
function readNamesOfNow(raw: unknown, lenient: boolean): Read {
  const mistakes: Mistake[] = [];
  const report: Report = (mistake) => {
    if (!lenient || mistake.unknown !== true) mistakes.push(mistake);
  };
  const file = knownKeys(raw, [], SECTIONS, report) ?? {};
  const section = <
    Schema extends
      | typeof serverSchema
      | typeof knockSchema
      | typeof guardSchema
      | typeof apiSchema
      | typeof alarmSchema,
  >(
    name: string,
    schema: Schema,
  ) =>
    readTable(
      schema,
      knownKeys(file[name], [name], Object.keys(schema.entries), report),
      [name],
      report,
    );

  const server = section("server", serverSchema);
  // When [knock] itself is wrong, doors are checked against the defaults.
  const knock = section("knock", knockSchema) ?? v.parse(knockSchema, {});
  const doors = readDoors(file["door"], knock, report);
  const guard = section("guard", guardSchema);
  const api = section("api", apiSchema);
  const alarm = section("alarm", alarmSchema);
  if (alarm) checkAlarm(alarm, report);
  checkInterfaces(server?.interfaces ?? [], report);
  checkTogether(doors, api, report);
  if (mistakes.length > 0 || !server || !guard || !api) return { mistakes };
  return { settings: buildSettings(server, doors, guard, api, alarm), mistakes };
}

function checkInterfaces(names: readonly string[], report: Report): void {
  for (const [i, name] of names.entries()) {
    const path = ["server", "interfaces", i];
    if (names.indexOf(name) !== i) {
      report({ path, state: `is "${name}" again`, remedy: "write every interface once" });
    } else if (name === "any" && names.length > 1) {
      report({
        path,
        state: 'is "any" among others',
        remedy: 'write ["any"] alone, or without it',
      });
    }
  }
}
