/** `sallyport status` as people and scripts see it. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { runCli, startDaemon } from "../../support/with-daemon.ts";
import { ExitCode } from "../../../src/core/errors.ts";
import { VERSION } from "../../../src/core/version.ts";
import { spawn } from "../../support/programs.ts";

test("status prints readiness, doors and counters on a terminal", async () => {
  await using daemon = await startDaemon();
  const { counters } = daemon.control;
  counters.set("packets", 1_234_567);
  counters.set("sources4", 3);
  counters.observeLatency(0.0002);
  counters.observeLatency(9);
  const shown = await daemon.show("status");
  expect(shown).toContain("\u001B[32mready\u001B[39m");
  expect(Bun.stripANSI(shown)).toBe(
    `sallyport ${VERSION} is ready, up 3h 12m

DOOR    OPENS     KNOCK     OPEN FOR  GRANTS  USERS
ssh     22/tcp    rotating  30s            0  alice, bob
legacy  8443/tcp  fixed     1h             0

packets  1,234,567 seen, 0 knocks, 0 dropped
matches  0 new, 0 repeated, 0 refused as reused
grants   0 opened, 0 renewed, 0 ended, 0 failed, 0 now
sources  3 IPv4 and 0 IPv6 remembered
opening  half within 0.25 ms, 99 % in more than 100 ms
`,
  );
});

test("status exits 1 and gives every reason while the daemon is not ready", async () => {
  await using daemon = await startDaemon();
  daemon.control.reasons = [
    { code: "firewall", detail: "the chain guard lost a rule" },
    { code: "drops" },
  ];
  const { code, out, err } = await daemon.run("status");
  expect([code, err]).toEqual([1, ""]);
  expect(out.split("\n").slice(0, 4)).toEqual([
    `sallyport ${VERSION} is not ready, up 3h 12m`,
    "  The rule set in the kernel is not as intended: the chain guard lost a rule",
    "  The kernel dropped packets before they could be examined",
    "",
  ]);
});

test("status tells a reason of several lines in one", async () => {
  await using daemon = await startDaemon();
  const detail = "Cannot load config.toml: one mistake\nconfig.toml:9: door.ssh.foo\nMend it";
  daemon.control.reasons = [{ code: "config", detail }];
  expect((await daemon.run("status")).out).toContain(
    "are in force: Cannot load config.toml: one mistake; config.toml:9: door.ssh.foo; Mend it\n",
  );
});

test("status says until when the guard is on probation, and what comes of it", async () => {
  await using daemon = await startDaemon();
  const untilMs = Date.now() + 90_000;
  daemon.control.onProbation = { untilMs, otherwise: "open" };
  const { code, out } = await daemon.run("status");
  expect(code).toBe(0);
  expect(out.split("\n")[1]).toMatch(
    /^ {2}On probation until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \(1m (30|2\d)s\): knock, connect, and run sallyport confirm there, or the ports open again$/,
  );
  const { out: json } = await daemon.run("status", "--json");
  expect(JSON.parse(json)).toMatchObject({ probation: { untilMs, otherwise: "open" } });
  daemon.control.onProbation = { untilMs, otherwise: "back" };
  expect((await daemon.run("status")).out).toContain(
    "or the configuration before the last reload returns",
  );
});

test("status in a pipe has no colour, no titles, and tabs between the cells of a door", async () => {
  await using daemon = await startDaemon();
  const { code, out } = await daemon.run("status");
  expect(code).toBe(0);
  expect(out).toContain("ssh\t22/tcp\trotating\t30s\t0\talice, bob\n");
  expect(out).not.toContain("\u001B");
  expect(out).not.toContain("DOOR");
});

test("status --json holds the status and the doors, and the same exit code", async () => {
  await using daemon = await startDaemon();
  daemon.control.reasons = [{ code: "clock" }];
  const { code, out } = await daemon.run("status", "--json");
  expect(code).toBe(1);
  expect(JSON.parse(out)).toMatchObject({
    ready: false,
    reasons: [{ code: "clock" }],
    uptimeSeconds: 11_520,
    counters: { knocks: 0 },
    doors: [{ name: "ssh" }, { name: "legacy" }],
  });
});

test("status gives no control character of the daemon to the terminal", async () => {
  await using daemon = await startDaemon();
  daemon.control.reasons = [{ code: "state", detail: "\u001B]0;pwned\u0007\u009B2J\nready" }];
  daemon.control.views = [{ ...daemon.control.views[0]!, users: ["eve\u202Edrow"] }];
  for (const argv of [["status"], ["status", "--json"]]) {
    const { out } = await daemon.run(...argv);
    expect(out.replaceAll(/[\n\t]/g, "")).not.toMatch(/\p{Cc}/u);
  }
  const { out } = await daemon.run("status");
  expect(out).toContain(": �]0;pwned��2J; ready\n");
  expect(out).toContain("eve�drow");
});

test("status says in one sentence that no daemon listens and who may see more, and exits 1", async () => {
  const socket = "/nonexistent/control.sock";
  const main = join(import.meta.dir, "../../../src/main.ts");
  const asNobody = ["setpriv", "--reuid=65534", "--clear-groups"];
  const child = spawn(
    [
      ...(process.geteuid!() === 0 ? asNobody : []),
      ...[process.execPath, main, "status", "--socket", socket],
    ],
    { stdout: "pipe", stderr: "pipe" },
  );
  expect(await child.stderr.text()).toBe(
    `sallyport: Cannot reach sallyport at ${socket}: nobody listens there: start it with sallyport serve, or name its socket with --socket; only root may see whether the kernel guards ports: run it with sudo\n`,
  );
  expect([await child.stdout.text(), await child.exited]).toEqual(["", 1]);
});

test("status finds the socket by the configuration of its folder, and by --config", async () => {
  await using daemon = await startDaemon();
  const text = `[door.ssh]
opens = ["2222/tcp"]
users = ["me"]
[server]
name = "gate"
[api]
socket = "${daemon.socket}"
`;
  const file = join(daemon.folder, "config.toml");
  await Bun.write(file, text);
  expect((await runCli(["status"], daemon.folder)).code).toBe(0);
  expect((await runCli(["status", "--config", file])).code).toBe(0);
  const missing = await runCli(["status", "--config", `${file}.bak`]);
  expect([missing.code, missing.out]).toEqual([78, ""]);
});

test("status asks the default socket while the configuration of its folder is broken", async () => {
  await using daemon = await startDaemon();
  await Bun.write(join(daemon.folder, "config.toml"), "[door.ssh\n");
  const { code, err } = await runCli(["status"], daemon.folder);
  // Whether one answers there depends on the testing machine.
  expect(code).not.toBe(ExitCode.config);
  expect(err).not.toContain("config.toml");
});

test("status ends quietly when nobody reads its output", async () => {
  await using daemon = await startDaemon();
  const main = join(import.meta.dir, "../../../src/main.ts");
  const script = `"$0" "$1" status --json --socket "$2" | true; echo "\${PIPESTATUS[0]}"`;
  const child = spawn(["bash", "-c", script, process.execPath, main, daemon.socket], {
    stdout: "pipe",
    stderr: "pipe",
  });
  expect([await child.stdout.text(), await child.stderr.text()]).toEqual(["0\n", ""]);
});

test("status says when its output cannot be written", async () => {
  await using daemon = await startDaemon();
  const main = join(import.meta.dir, "../../../src/main.ts");
  const child = spawn([process.execPath, main, "status", "--socket", daemon.socket], {
    stdout: Bun.file("/dev/full"),
    stderr: "pipe",
  });
  expect(await child.stderr.text()).toStartWith("sallyport: Cannot write the output: ENOSPC");
  expect(await child.exited).toBe(1);
});
