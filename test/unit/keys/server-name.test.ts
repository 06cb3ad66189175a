/** The server's name: written, or made once. */

import { afterAll, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseSettings } from "../../../src/config/load.ts";
import { serverName } from "../../../src/keys/server-name.ts";
import { isServerName } from "../../../src/rks/key.ts";
import { spawn } from "../../support/programs.ts";

const folder = mkdtempSync(join(tmpdir(), "sallyport-name-"));
const stateDir = join(folder, "state");
const configOf = (lines: string) =>
  `[server]\nstate_dir = "${stateDir}"\n${lines}[door.a]\nopens = ["22/tcp"]\nusers = ["a"]\n`;
const settings = parseSettings(configOf(""));

beforeEach(() => rmSync(stateDir, { recursive: true, force: true }));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("serverName() takes the name of the file, and then makes none", () => {
  expect(serverName(parseSettings(configOf('name = "gate-7f3a"\n')))).toBe("gate-7f3a");
  expect(() => readdirSync(stateDir)).toThrow();
});

test("serverName() makes a name once and keeps it", () => {
  const name = serverName(settings);
  expect(isServerName(name)).toBe(true);
  expect(name).toMatch(/^[a-z0-9-]+-[a-z2-7]{4}$/);
  expect(serverName(settings)).toBe(name);
  expect(readdirSync(stateDir)).toEqual(["server-name"]);
  rmSync(stateDir, { recursive: true });
  expect(serverName(settings)).not.toBe(name);
});

test("serverName() refuses a file that holds no name, rather than to take another", () => {
  const name = serverName(settings);
  writeFileSync(join(stateDir, "server-name"), `${name}!\n`);
  expect(() => serverName(settings)).toThrow(
    `Cannot use ${stateDir}/server-name: it does not hold a server name: restore it, or write server.name in config.toml`,
  );
});

test("serverName() is the same for processes that make it at once", async () => {
  const at = (path: string) => JSON.stringify(resolve(import.meta.dir, "../../../src", path));
  const script = `
    const { parseSettings } = await import(${at("config/load.ts")});
    const { serverName } = await import(${at("keys/server-name.ts")});
    console.log(serverName(parseSettings(${JSON.stringify(configOf(""))})));`;
  const children = Array.from({ length: 8 }, () =>
    spawn([process.execPath, "-e", script], { stdout: "pipe" }),
  );
  const names = await Promise.all(children.map((child) => new Response(child.stdout).text()));
  expect(new Set(names)).toEqual(new Set([`${serverName(settings)}\n`]));
}, 30_000);
