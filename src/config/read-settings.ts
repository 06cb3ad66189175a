/** From parsed TOML to Settings, or to everything that is wrong with it. Pure. */

import { buildDoor, buildSettings } from "./build.ts";
import { checkTogether } from "./checks.ts";
import { checkDoor, checkDoorName } from "./door-checks.ts";
import type { Mistake } from "./mistake.ts";
import { checkRun } from "./run-command.ts";
import {
  apiSchema,
  doorSchema,
  guardSchema,
  knockSchema,
  runSchema,
  serverSchema,
} from "./schema.ts";
import type { DoorTable, KnockTable } from "./schema.ts";
import type { Door, Settings } from "./settings.ts";
import { isTable, knownKeys, readTable } from "./tables.ts";
import * as v from "valibot";

type Report = (mistake: Mistake) => void;

const SECTIONS = ["server", "knock", "door", "guard", "api"];

function readDoor(name: string, value: unknown, report: Report): DoorTable | undefined {
  const path = ["door", name];
  const table = knownKeys(value, path, Object.keys(doorSchema.entries), report);
  if (table?.["run"] !== undefined) {
    const keys = Object.keys(runSchema.entries);
    const run = knownKeys(table["run"], [...path, "run"], keys, report);
    if (run === undefined) delete table["run"];
    else table["run"] = run;
  }
  return readTable(doorSchema, table, path, report);
}

/** The doors that are right by themselves; the others are reported. */
function readDoors(value: unknown, knock: KnockTable, report: Report): Door[] {
  const doors: Door[] = [];
  if (value === undefined || (isTable(value) && Object.keys(value).length === 0)) {
    report({
      path: ["door"],
      state: "is missing, so nothing would be guarded",
      remedy: "write a table such as [door.ssh]",
    });
    return doors;
  }
  if (!isTable(value)) {
    knownKeys(value, ["door", "ssh"], [], report);
    return doors;
  }
  for (const [name, written] of Object.entries(value)) {
    let right = true;
    const note: Report = (mistake) => {
      right = false;
      report(mistake);
    };
    checkDoorName(name, note);
    const table = readDoor(name, written, note);
    if (table === undefined) continue;
    checkDoor(name, table, note);
    checkRun(name, table, note);
    if (right) doors.push(buildDoor(name, table, knock));
  }
  return doors;
}

/** Reads what smol-toml made of config.toml. Settings come only without any mistake. */
export function readSettings(raw: unknown): {
  readonly settings?: Settings;
  readonly mistakes: readonly Mistake[];
} {
  const mistakes: Mistake[] = [];
  const report: Report = (mistake) => mistakes.push(mistake);
  const file = knownKeys(raw, [], SECTIONS, report) ?? {};
  const section = <
    Schema extends typeof serverSchema | typeof knockSchema | typeof guardSchema | typeof apiSchema,
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
  // Doors are checked against the defaults when [knock] itself is wrong.
  const knock = section("knock", knockSchema) ?? v.parse(knockSchema, {});
  const doors = readDoors(file["door"], knock, report);
  const guard = section("guard", guardSchema);
  const api = section("api", apiSchema);
  checkInterfaces(server?.interfaces ?? [], report);
  checkTogether(
    doors,
    guard && { ...guard, onStop: guard.on_stop, alwaysAllow: guard.always_allow },
    api,
    report,
  );
  if (mistakes.length > 0 || !server || !guard || !api) return { mistakes };
  return { settings: buildSettings(server, doors, guard, api), mistakes };
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
