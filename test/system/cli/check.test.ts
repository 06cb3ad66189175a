/** `sallyport check` as people run it. */

import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { addKey, makeKey } from "../../../src/keys/keys.ts";
import { readConfiguration } from "../../../src/control-plane/configuration.ts";
import { keepConfig } from "../../../src/control-plane/last-config.ts";
import { spawnSync } from "../../support/programs.ts";

const MAIN = resolve(import.meta.dir, "../../../src/main.ts");
const folder = mkdtempSync(join(tmpdir(), "sallyport-check-"));
const stateDir = join(folder, "state");
const file = join(folder, "config.toml");

beforeEach(() => {
  rmSync(stateDir, { recursive: true, force: true });
  writeFileSync(file, configOf(""));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function configOf(knock: string): string {
  return `[server]
state_dir = "${stateDir}"
[knock]
${knock}
[door.ssh]
opens = ["22/tcp", "2200-2201/tcp"]
users = ["alice", "bob"]
idle_close = "10m"
[door.old]
opens = ["8443/tcp"]
sequence = ["7000", "8000/udp", "9000"]
[door.lights]
users = ["alice"]
run = { open = ["/bin/true"] }
`;
}

function sallyport(argv: readonly string[], cwd = folder) {
  const done = spawnSync([process.execPath, MAIN, ...argv], { cwd, timeout: 30_000 });
  return { code: done.exitCode, out: done.stdout.toString(), err: done.stderr.toString() };
}

function addDevices(): void {
  for (const device of ["laptop", "phone"]) {
    addKey(stateDir, { user: "alice", device, key: makeKey("gate") });
  }
  addKey(stateDir, { user: "bob", device: "default", key: makeKey("gate") });
}

describe("sallyport check", () => {
  test("prints doors, users, the bound of rotating and fixed doors, warnings; changes nothing", () => {
    addDevices();
    const { code, out, err } = sallyport(["check", "--config", file]);
    expect(err).toBe("");
    expect(code).toBe(0);
    for (const line of [
      "ssh\t22/tcp, 2200-2201/tcp\talice, bob\t8 of 20000-52767/tcp, new every 30s\t30s, then 10m idle, at most 8h",
      "old\t8443/tcp\tanybody who knows the sequence\t7000/tcp 8000/udp 9000/tcp\t30s",
      "lights\ta command\talice\t8 of 20000-52767/tcp, new every 30s\t30s",
      "alice\tlaptop, phone",
      "bob\tdefault",
      // 3.48e-12 for each valid sequence; three devices at ssh, two at lights, three slots each.
      "Chance that a day of 1,000,000 forged packets a second opens any door: 5.2e-11",
    ]) {
      expect(out.split("\n")).toContain(line);
    }
    expect(out).toMatch(/^Chance that one scan in random order opens old: \d\.\de-\d+; anybody/m);
    expect(readdirSync(stateDir)).toEqual(["first-start", "keys.toml", "keys.toml.lock"]);
  });

  test("tells a weak knock and one that is no secret from a chance", () => {
    const doors = `[door.weak]
opens = ["8444/tcp"]
sequence = ["7001", "7002", "7003"]
weak = true
[door.wake]
sequence = ["25565"]
run = { open = ["/bin/true"] }
`;
    writeFileSync(file, configOf("") + doors);
    const { code, out } = sallyport(["check", "--config", file]);
    expect(code).toBe(0);
    for (const line of [
      "wake\ta command\teverybody\t25565/tcp\t30s",
      "The knock of weak is completed by one scan (ascending TCP): weak",
      "Anybody who connects to 25565/tcp runs the command of wake: one knock is no secret",
    ]) {
      expect(out.split("\n")).toContain(line);
    }
    expect(out).toContain(
      "Warning: door.weak.sequence is completed by one scan (ascending TCP), and weak",
    );
  });

  test("finds config.toml in the working directory", () => {
    expect(sallyport(["check"]).code).toBe(0);
  });

  test("says where it looked when it finds none, and what is wrong with one it is given", () => {
    const empty = join(folder, "empty");
    mkdirSync(empty, { recursive: true });
    expect(sallyport(["check"], empty)).toMatchObject({ code: 78, out: "" });
    const { code, err } = sallyport(["check", "--config", "none.toml"]);
    expect(code).toBe(78);
    expect(err).toBe(
      "sallyport: Cannot load none.toml: it does not exist: write it, or name another with --config\n",
    );
  });

  test("prints every mistake on a line of its own on standard error, and exits with 78", () => {
    writeFileSync(file, `${configOf('step = "30"')}open_for = 5\n`);
    const { code, out, err } = sallyport(["check"]);
    expect(code).toBe(78);
    expect(out).toBe("");
    expect(err.split("\n").slice(1)).toEqual([
      './config.toml:4: knock.step is "30": write a duration such as "30s"',
      './config.toml:15: door.lights.open_for is 5: write a duration such as "30s"',
      "./config.toml was taken because there is no /etc/sallyport/config.toml: name another with --config",
      "",
    ]);
  });

  test("prints the doors, then refuses a bound that is too weak, with the ports that would do", () => {
    addDevices();
    writeFileSync(file, configOf("ports = 4"));
    const { code, out, err } = sallyport(["check"]);
    expect(code).toBe(78);
    expect(out).toContain("4 of 20000-52767/tcp");
    expect(err).toMatch(/^sallyport: Cannot guard the doors: .*: write ports = \d in \[knock\]/);
    const needed = /write ports = (\d)/.exec(err)![1]!;
    writeFileSync(file, configOf(`ports = ${needed}`));
    expect(sallyport(["check"]).code).toBe(0);
  });

  test("refuses keys that others can read", () => {
    addDevices();
    chmodSync(join(stateDir, "keys.toml"), 0o644);
    const { code, err } = sallyport(["check"]);
    expect(code).toBe(78);
    expect(err).toContain('others may read it: run "chmod 600');
  });

  test.skipIf(process.geteuid!() !== 0)("checks what it can without the right to read keys", () => {
    addDevices();
    chmodSync(folder, 0o755);
    chmodSync(stateDir, 0o755);
    chmodSync(file, 0o644);
    const done = spawnSync(
      ["setpriv", "--reuid=65534", "--clear-groups", process.execPath, MAIN, "check"],
      { cwd: folder, timeout: 30_000 },
    );
    expect(done.exitCode).toBe(77);
    expect(done.stdout.toString()).toContain("ssh\t22/tcp");
    expect(done.stdout.toString()).not.toContain("Chance that a day");
    expect(done.stderr.toString()).toContain("EACCES: run as root");
  });

  test("prints JSON that holds the same, and no key", () => {
    addDevices();
    const { code, out } = sallyport(["check", "--json"]);
    expect(code).toBe(0);
    const report = JSON.parse(out) as {
      doors: { name: string }[];
      users: unknown;
      forgery: { perDay: number; limit: number; fixed: { door: string }[] };
    };
    expect(report.doors.map(({ name }) => name)).toEqual(["ssh", "old", "lights"]);
    expect(report.users).toEqual([
      { user: "alice", devices: ["laptop", "phone"] },
      { user: "bob", devices: ["default"] },
    ]);
    expect(report.forgery.limit).toBe(1e-6);
    expect(report.forgery.perDay).toBeCloseTo(5.2e-11, 12);
    expect(report.forgery.fixed.map(({ door }) => door)).toEqual(["old"]);
    expect(out).not.toMatch(/[A-Z2-7]{20}/);
  });

  test("says what a reload would mean, compared with what worked last", () => {
    addDevices();
    keepConfig(readConfiguration(file));
    expect(sallyport(["check"]).out).not.toContain("Compared with");
    writeFileSync(file, configOf('step = "60s"'));
    const { out } = sallyport(["check"]);
    expect(out).toContain(
      "  alice/laptop, alice/phone, bob will not be able to open ssh (22/tcp, 2200-2201/tcp); that is everybody who can now: step 30s becomes 60s, which makes their links void",
    );
    expect(out).toContain(
      "A reload would need --yes, or --arm 5m: everybody who can open ssh, lights now",
    );
    const { reload } = JSON.parse(sallyport(["check", "--json"]).out) as { reload: string[] };
    expect(reload).toHaveLength(3);
    writeFileSync(file, `${configOf("")}[api]\nsocket = "/run/other.sock"\n`);
    expect(sallyport(["check"]).out).toContain("A reload would be refused: api.socket");
  });

  test("prints the JSON Schema without any configuration", () => {
    const empty = join(folder, "empty");
    mkdirSync(empty, { recursive: true });
    const { code, out } = sallyport(["check", "--schema"], empty);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ type: "object", required: ["door"] });
  });

  test("shows an example with --help, and refuses an option it does not know with 64", () => {
    expect(sallyport(["check", "--help"]).out).toMatch(/Example:\n {2}sallyport check/);
    expect(sallyport(["check", "--shcema"])).toMatchObject({ code: 64 });
  });
});
