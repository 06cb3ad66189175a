/** `sallyport page`: the page goes where a person expects it, and nothing is lost for it. */

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assemblePage } from "../../../src/page/assemble.ts";
import { EXECUTABLE } from "../../support/executable.ts";
import { run } from "../../support/programs.ts";

const dir = mkdtempSync(join(tmpdir(), "sallyport-page-"));
const file = join(dir, "knock.html");
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const page = (...argv: string[]) => run([EXECUTABLE, "page", ...argv], { mayFail: true });

test("page prints what its source makes, and nothing else", () => {
  expect(page()).toEqual({ code: 0, out: `${assemblePage()}\n`, err: "" });
});

test("page --output writes a file, and replaces one only where it is told to", () => {
  expect(page("--output", file)).toEqual({
    code: 0,
    out: "",
    err: `sallyport: wrote ${file}: open it in a browser, or put it on any https host; it holds no key\n`,
  });
  writeFileSync(file, "mine");
  expect(page("--output", file)).toEqual({
    code: 1,
    out: "",
    err: `sallyport: Cannot write ${file}: it exists: replace it with --force, or name another file\n`,
  });
  expect(readFileSync(file, "utf8")).toBe("mine");
  expect(page("--output", file, "--force").code).toBe(0);
  expect(readFileSync(file, "utf8")).toStartWith("<!doctype html>");
  expect(readdirSync(dir)).toEqual(["knock.html"]);
});

test("page --force replaces files alone: a pipe or a device stays", () => {
  const pipe = join(dir, "pipe");
  run(["mkfifo", pipe]);
  const { code, err } = page("--output", pipe, "--force");
  expect(code).toBe(1);
  expect(err).toContain(`Cannot write ${pipe}: it is no file that could be replaced`);
  expect(statSync(pipe).isFIFO()).toBeTrue();
  rmSync(pipe);
});

test("page --output says why it cannot write", () => {
  for (const force of [[], ["--force"]]) {
    const { code, err } = page("--output", join(dir, "none", "knock.html"), ...force);
    expect(code).toBe(1);
    expect(err).toContain("its folder does not exist: make it, or name another file");
  }
  for (const force of [[], ["--force"]]) {
    expect(page("--output", dir, ...force).err).toContain("it is a folder: name a file in it");
  }
});

test.skipIf(process.getuid?.() !== 0)("page --output leaves nothing on a disk without room", () => {
  const disk = mkdtempSync(join(tmpdir(), "sallyport-page-disk-"));
  const script = `mount -t tmpfs -o size=32k tmpfs "$1" && cd "$1" || exit 99
    for force in "" --force; do "$2" page --output knock.html $force; echo "$?" "$(ls -A)"; done`;
  const { out, err } = run(["unshare", "--mount", "sh", "-c", script, "sh", disk, EXECUTABLE]);
  rmSync(disk, { recursive: true });
  expect(out).toBe("1 \n1 \n");
  const told =
    "sallyport: Cannot write knock.html: there is no room: make some, or name another file\n";
  expect(err).toBe(told + told);
});

test.skipIf(process.getuid?.() !== 0)(
  "page --output says so where this user may not even look",
  () => {
    const locked = mkdtempSync(join(tmpdir(), "sallyport-page-locked-")); // 0700, of root
    const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    for (const force of [[], ["--force"]]) {
      const argv = [
        ...nobody,
        EXECUTABLE,
        "page",
        "--output",
        join(locked, "knock.html"),
        ...force,
      ];
      expect(run(argv, { mayFail: true })).toEqual({
        code: 1,
        out: "",
        err: `sallyport: Cannot write ${locked}/knock.html: EACCES: run as root, or name another file\n`,
      });
    }
    rmSync(locked, { recursive: true });
  },
);
