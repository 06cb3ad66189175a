/**
 * Files as people have them, each with the config.toml and the report it becomes. After a change that is
 * meant: UPDATE_GOLDEN=1 scripts/bun test test/unit/import-knockd/golden.test.ts, and read the difference.
 */

import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseSettings } from "../../../src/config/load.ts";
import { isWhole, reportLines } from "../../../src/import-knockd/report.ts";
import { imported } from "./import.ts";

const FOLDER = join(import.meta.dir, "../../golden/knockd");
const names = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".conf"))
  .map((name) => name.replace(/\.conf$/, ""));

function golden(name: string, text: string): string {
  const file = join(FOLDER, name);
  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(file, text);
  return readFileSync(file, "utf8");
}

function importOf(name: string) {
  const defaults = join(FOLDER, `${name}.defaults`);
  return imported(readFileSync(join(FOLDER, `${name}.conf`)), {
    name: `${name}.conf`,
    ...(existsSync(defaults) && {
      defaults: { name: `${name}.defaults`, text: readFileSync(defaults, "utf8") },
    }),
  });
}

describe("importKnockd()", () => {
  test.each(names)("turns %s into the config.toml beside it, with its report", (name) => {
    const result = importOf(name);
    expect(result.toml).toBe(golden(`${name}.toml`, result.toml));
    const report = `${reportLines(result, undefined).join("\n")}\n`;
    expect(report).toBe(golden(`${name}.report`, report));
  });

  test.each(names)("makes of %s what check accepts, or says what is to be decided", (name) => {
    const result = importOf(name);
    const read = () => parseSettings(result.toml);
    if (result.toDecide.length === 0) expect(read().doors.length).toBeGreaterThan(0);
    else expect(read).toThrow();
    if (result.toDecide.length > 0) expect(isWhole(result)).toBe(false);
  });

  test.each(names)("tells of every line of %s that is no comment, once", (name) => {
    const lines = readFileSync(join(FOLDER, `${name}.conf`), "latin1").split("\n");
    const wanted = lines.flatMap((line, i) => (/^\s*(#|$)/.test(line) ? [] : [i + 1]));
    const told = importOf(name).lines.filter(({ file }) => file === `${name}.conf`);
    expect(told.map(({ line }) => line)).toEqual(wanted);
  });
});
