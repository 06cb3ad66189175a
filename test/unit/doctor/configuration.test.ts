/** The configuration that the doctor continues with where a file is broken. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lastConfigFile } from "../../../src/config/last-settings.ts";
import { checkConfiguration, readConfiguration } from "../../../src/doctor/configuration.ts";

const folder = mkdtempSync(join(tmpdir(), "sallyport-doctor-"));
const before = process.env["STATE_DIRECTORY"];
const socket = join(folder, "nobody.sock");

beforeAll(() => {
  const text = `[server]\nstate_dir = "${folder}"\n[api]\nsocket = "${socket}"\n[door.web]\nopens = ["8080/tcp"]\nusers = ["alice"]\n`;
  writeFileSync(lastConfigFile(folder), text, { mode: 0o600 });
  process.env["STATE_DIRECTORY"] = folder;
});
afterAll(() => {
  if (before === undefined) delete process.env["STATE_DIRECTORY"];
  else process.env["STATE_DIRECTORY"] = before;
  rmSync(folder, { recursive: true, force: true });
});

test("a broken draft that names no state folder is a problem of its own, whoever runs here", async () => {
  const draft = join(folder, "draft.toml");
  writeFileSync(draft, "users = alice\n");
  const facts = await readConfiguration(draft);
  expect(facts).toMatchObject({ settings: undefined, answers: false });
  expect(checkConfiguration(facts).map(({ level }) => level)).toEqual(["problem"]);
});

test("a broken file that names its state folder is told beside what worked last", async () => {
  const file = join(folder, "config.toml");
  writeFileSync(file, `[server]\nstate_dir = "${folder}"\nusers = alice\n`);
  const { settings } = await readConfiguration(file);
  expect(settings?.doors.map(({ name }) => name)).toEqual(["web"]);
});
