/** What the program is on a system that cannot be a server, and what every start does without. */

import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { program } from "../../../src/cli/program.ts";
import { messageOf } from "../../../src/core/errors.ts";
import { run } from "../../support/programs.ts";

const SRC = resolve(import.meta.dir, "../../../src");

/** Nobody's yet: a client may write into it. */
const home = mkdtempSync(join(tmpdir(), "sallyport-platforms-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** Groups of commands that belong to a device, not to a server. */
const OF_A_CLIENT = new Set([
  "knock",
  "proxy",
  "ssh-config",
  "agent",
  "profile",
  "page",
  "version",
]);

function leaves(command: CommandUnknownOpts, path: readonly string[] = []): string[][] {
  return command.commands.length === 0
    ? [[...path]]
    : command.commands.flatMap((child) => leaves(child, [...path, child.name()]));
}

const commands = leaves(program()).map((path) => path.join(" "));
const ofServer = commands.filter((path) => !OF_A_CLIENT.has(path.split(" ")[0]!));

/** A word for each argument that a command wants. */
function argumentsOf(path: string): string[] {
  let command: CommandUnknownOpts = program();
  for (const name of path.split(" ")) {
    command = command.commands.find((one) => one.name() === name)!;
  }
  return command.registeredArguments.filter(({ required }) => required).map(() => "x");
}

test.each(ofServer)("%s says on macOS and Windows that a server needs Linux", async (path) => {
  for (const platform of ["darwin", "win32"] as const) {
    const argv = [...path.split(" "), ...argumentsOf(path)];
    const said = await program(platform)
      .parseAsync(argv, { from: "user" })
      .then(() => "", messageOf);
    expect(said).toStartWith(`Cannot run "${path}" here: a server needs Linux: `);
  }
});

/** The files that a start reads: static imports from `entry` on, without those of types. */
function readAtStart(entry: string, seen = new Set<string>()): Set<string> {
  if (seen.has(entry)) return seen;
  seen.add(entry);
  const text = readFileSync(entry, "utf8");
  const imported = /^(?:import|export) (?!type )[^;]*?from "(\.[^"]+)"|^import "(\.[^"]+)"/gm;
  for (const [, from, bare] of text.matchAll(imported)) {
    const file = resolve(dirname(entry), (from ?? bare)!);
    if (existsSync(file) && file.endsWith(".ts")) readAtStart(file, seen);
  }
  return seen;
}

test("a start reads none of the server's parts", () => {
  const folders = new Set(
    [...readAtStart(resolve(SRC, "main.ts"))].map((file) => relative(SRC, file).split("/")[0]!),
  );
  const server = [
    "data-plane",
    "control-plane",
    "service",
    "offline",
    "doctor",
    "capture",
    "proxy",
    "agent",
  ];
  expect(server.filter((folder) => folders.has(folder))).toEqual([]);
  expect(folders.has("client")).toBe(true);
});

/** Whoever opens a C library ends the program here. */
const GUARD = `import { mock } from "bun:test";
  const real = await import("bun:ffi");
  const refuse = (name) => { process.stderr.write("opened " + name); process.exit(99); };
  mock.module("bun:ffi", () => ({ ...real, dlopen: refuse }));
  const { main, program } = await import(${JSON.stringify(resolve(SRC, "cli/program.ts"))});`;

test.each(["darwin", "win32", "linux"])(
  "version looks for libraries on Linux alone: %s",
  (platform) => {
    const script = `${GUARD} await program("${platform}").parseAsync(["version"], { from: "user" });`;
    const { code, out } = run([process.execPath, "-e", script], { mayFail: true });
    if (platform === "linux") expect(code).toBe(99);
    else expect([code, out]).toEqual([0, expect.stringMatching(/^sallyport .*\nBun .*\n$/)]);
  },
);

test("a client opens no C library: not at its start, and not by what it does", () => {
  const guard = `${GUARD} process.exit(await main(process.argv.slice(1)));`;
  const itsOwn = { HOME: home, XDG_CONFIG_HOME: home, XDG_STATE_HOME: home };
  const start = (...argv: string[]) =>
    run([process.execPath, "-e", guard, "--", ...argv], {
      mayFail: true,
      env: { ...process.env, ...itsOwn },
    });
  expect(start("--help").code).toBe(0);
  expect(start("profile", "list")).toMatchObject({ code: 0 });
  expect(start("knock", "127.0.0.1", "7")).toMatchObject({ code: 0 });
  expect(start("ssh-config", "home")).toMatchObject({ code: 64 });
  expect(start("proxy", "home")).toMatchObject({ code: 64 });
  expect(start("agent")).toMatchObject({ code: 64 });
  // Held against a command that opens one.
  expect(start("firewall", "show")).toMatchObject({ code: 99 });
}, 30_000);
