import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../support/programs.ts";

const DIR = join(import.meta.dir, "../../../scripts");

/** Shell scripts; scripts/bun hands its arguments on, --help among them. */
const scripts = readdirSync(DIR, { withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name !== "bun")
  .map(({ name }) => ({ name, text: readFileSync(join(DIR, name), "utf8") }))
  .filter(({ text }) => text.startsWith("#!/usr/bin/env bash\n"));

test.each(scripts)("scripts/$name --help prints its head and does nothing else", (script) => {
  const head = script.text.split("\n").slice(1);
  const words = head.slice(
    0,
    head.findIndex((line) => !line.startsWith("#")),
  );
  expect(words.length).toBeGreaterThan(0);
  for (const asked of ["--help", "-h"]) {
    expect(run(["bash", join(DIR, script.name), asked])).toMatchObject({
      code: 0,
      out: words.map((line) => `${line.replace(/^# ?/, "")}\n`).join(""),
      err: "",
    });
  }
});
