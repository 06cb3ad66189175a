/**
 * The shell client keeps the key in the shell: no command line or environment of a program that it
 * starts holds it.
 */

import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeBase32 } from "../../../src/rks/base32.ts";
import { run } from "../../support/programs.ts";
import { fileOf } from "./knockers.ts";

const PROGRAMS =
  "bash cat curl date getent head ip ls mkdir mktemp mv nc nmap openssl rm sha256sum sleep stty tr".split(
    " ",
  );

/** Words that may contain a key. */
function spellings(key: Uint8Array): string[] {
  const hex = Buffer.from(key).toString("hex");
  const octal = [...key].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
  return [encodeBase32(key), encodeBase32(key).toLowerCase(), hex, octal, [...key].join(" ")];
}

test.each([
  ["dash", ["dash"], "bash"],
  ["dash that traces and exports", ["dash", "-xa"], "nc"],
  ["bash", ["bash", "-a"], "curl"],
  ["busybox ash", ["busybox", "ash"], "nc"],
])("nothing that sallyport-knock.sh starts in %s is told the key", (_, shell, sender) => {
  const home = mkdtempSync(join(tmpdir(), "sallyport-knock-"));
  try {
    mkdirSync(join(home, "bin"));
    const told = join(home, "told");
    for (const name of PROGRAMS) {
      const path = join(home, "bin", name);
      const real = Bun.which(name)!;
      writeFileSync(
        path,
        `#!/bin/bash\n{ printf '%s ' "$0" "$@"; echo; /usr/bin/env; } >>${told}\nexec ${real} "$@"\n`,
      );
      chmodSync(path, 0o755);
    }
    const key = crypto.getRandomValues(new Uint8Array(32));
    const link = `rks1://alice@127.0.0.1/ssh?key=${encodeBase32(key)}&opens=9/tcp`;
    const start = (argv: readonly string[], input: string) =>
      run(
        [
          "env",
          `PATH=${home}/bin`,
          `HOME=${home}`,
          `TMPDIR=${home}`,
          `/usr/bin/${shell[0]}`,
          ...shell.slice(1),
          fileOf("sallyport-knock.sh"),
          ...argv,
        ],
        { mayFail: true, input },
      );
    const saved = start(["--save", "home"], link);
    expect(saved.code).toBe(0);
    const knocked = start(["home", "--with", sender, "--tries", "1", "--timeout", "3s"], "");
    expect(knocked.err).toContain("Cannot");
    const heard = readFileSync(told, "utf8");
    expect(heard).toContain(`bin/${sender} `);
    for (const text of [heard, saved.out + saved.err, knocked.out + knocked.err]) {
      for (const spelling of spellings(key)) expect(text.includes(spelling)).toBe(false);
    }
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});
