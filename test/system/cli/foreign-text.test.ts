/**
 * Text of others on a terminal: whoever took the socket of a daemon without root, or its files,
 * drives no terminal of root's by what he writes there.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCli } from "../../support/with-daemon.ts";

/** A title, a cleared screen, C1 and a reversed line; then lines that want to be this program's. */
const EVIL =
  "\u001B]0;pwn\u0007\u001B[2J\u009B31m\u202Eno\rnow\nsallyport: all is well\u2067\n[sudo] password:";

const folder = mkdtempSync(join(tmpdir(), "sallyport-foreign-"));
const socket = join(folder, "control.sock");
const config = join(folder, "config.toml");
let server: Bun.Server<undefined>;
let answer: () => Response;

const problem = (more = {}) => {
  const body = { type: "about:blank", title: "Conflict", status: 409, detail: EVIL, ...more };
  return Response.json(body, { status: 409 });
};

beforeAll(() => {
  server = Bun.serve({ unix: socket, fetch: () => answer() });
  writeFileSync(
    config,
    `[server]\nhost = "gate.example"\nstate_dir = "${folder}/state"\n[api]\nsocket = "${socket}"\n` +
      `[door.ssh]\nopens = ["22/tcp"]\nusers = ["alice"]\n`,
  );
});
afterAll(async () => {
  await server?.stop(true);
  rmSync(folder, { recursive: true });
});

/** What is left of it where it is shown: no control but the ends of lines, and none that are his. */
function expectHarmless({ out, err }: { out: string; err: string }): void {
  expect(out + err).toContain("pwn");
  expect(out + err).not.toMatch(/(?![\n\t])\p{Cc}|\p{Bidi_Control}/u);
  expect(out + err).not.toMatch(/^(sallyport: all is well|\[sudo\])/m);
}

test.each([
  "status",
  "grants",
  "reload",
  "why 192.0.2.1",
  "open ssh 192.0.2.1",
  "close 192.0.2.1",
  "arm",
  "confirm",
])("%s shows a refusal of the socket without its controls and lines", async (command) => {
  answer = () => problem();
  const ran = await runCli([...command.split(" "), "--config", config]);
  expect(ran.code).toBe(1);
  expectHarmless(ran);
});

test("reload shows what needs a yes in lines, and none that could be this program's", async () => {
  answer = () => problem({ needs: "yes" });
  expectHarmless(await runCli(["reload", "--config", config]));
  const detail = "Cannot reload it without a yes: it cuts off alice\n  ssh will be shut";
  answer = () => problem({ needs: "yes", detail });
  expect((await runCli(["reload", "--config", config])).err).toBe(
    "sallyport: Cannot reload it without a yes: it cuts off alice\n    ssh will be shut\n",
  );
});

test("user add and user remove show a refusal of the socket without its controls", async () => {
  answer = () => problem();
  expectHarmless(await runCli(["user", "add", "alice", "--config", config]));
  expectHarmless(await runCli(["user", "remove", "alice", "--yes", "--config", config]));
  answer = () => Response.json({ done: "", file: EVIL, ended: [], cut: [] });
  expectHarmless(await runCli(["user", "add", "alice", "--config", config]));
});

test("status shows the reasons of the socket without controls, and --json escapes them", async () => {
  const status = {
    status: "ok",
    version: EVIL,
    uptimeSeconds: 1,
    ready: false,
    reasons: [{ code: "drops", message: EVIL, detail: EVIL }],
    notices: [EVIL],
    counters: {},
    latency: { count: 0 },
    doors: [],
  };
  answer = () => Response.json(status);
  expectHarmless(await runCli(["status", "--config", config]));
  const json = await runCli(["status", "--json", "--config", config]);
  expectHarmless(json);
  expect(JSON.parse(json.out).notices).toEqual([EVIL]);
});

test("commands write to standard error by printError() alone, which replaces controls", () => {
  // The others print an end of line, and prompts of their own.
  const known = ["cli/ask.ts", "cli/output.ts", "client/read-link.ts"];
  const found = ["cli", "client", "agent", "proxy"].flatMap((name) =>
    readdirSync(`src/${name}`, { recursive: true, encoding: "utf8" })
      .map((file) => `${name}/${file}`)
      .filter((file) => file.endsWith(".ts"))
      .filter((file) => readFileSync(`src/${file}`, "utf8").includes("process.stderr.write")),
  );
  expect(found.sort()).toEqual(known);
});
