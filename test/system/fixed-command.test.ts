/** Fixed doors that open no port: a command at the knock, another one at the end. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GuardedServer } from "../support/guarded-server.ts";
import { Lab } from "../support/lab.ts";

/** A command is started within milliseconds, and a door closes on time, but this machine may be busy. */
const PATIENCE_MS = 25_000;

describe("a fixed door that only runs commands", () => {
  const dir = mkdtempSync(join(tmpdir(), "sallyport-lights-"));
  const told = join(dir, "told");
  const say = (word: string) =>
    JSON.stringify(["/bin/sh", "-c", `echo ${word} {address} >> ${told}`]);
  let lab: Lab;
  let server: GuardedServer;

  beforeAll(async () => {
    lab = new Lab();
    server = await new GuardedServer(
      lab,
      `
[door.lights]
sequence = ["7000", "9000", "8000"]
close_sequence = ["8000", "9000", "7000"]
open_for = "6s"
run = { open = ${say("on")}, close = ${say("off")} }

[door.wake]
sequence = ["25565"]
open_for = "1s"
run = { open = ${say("wake")} }
`,
    ).start();
  });

  beforeEach(() => rmSync(told, { force: true }));

  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    lab?.[Symbol.dispose]();
    rmSync(dir, { recursive: true, force: true });
  });

  const knock = (...ports: string[]) => lab.run("client", ["knock", "10.77.0.1", ...ports]);
  const lines = () => (existsSync(told) ? readFileSync(told, "utf8").split("\n").slice(0, -1) : []);

  test("runs one command at the knock and the other when its time is over", async () => {
    const from = server.log.length;
    knock("7000", "9000", "8000");
    await server.waitForLog(/Ran \/bin\/sh for lights/, from, PATIENCE_MS);
    expect(lines()).toEqual(["on 10.77.0.2"]);
    expect(server.command("grants").out).toContain("lights");
    expect(server.command("why", "10.77.0.2").out).toContain("lights");
    await server.waitForLog(/Closed lights[^]*Ran \/bin\/sh for lights/, from, PATIENCE_MS);
    expect(lines()).toEqual(["on 10.77.0.2", "off 10.77.0.2"]);
  });

  test("runs the other at the close knock, once", async () => {
    const from = server.log.length;
    knock("7000", "9000", "8000");
    await server.waitForLog(/Ran \/bin\/sh for lights/, from, PATIENCE_MS);
    knock("8000", "9000", "7000");
    await server.waitForLog(
      /closed by its close knock[^]*Ran \/bin\/sh for lights/,
      from,
      PATIENCE_MS,
    );
    expect(lines()).toEqual(["on 10.77.0.2", "off 10.77.0.2"]);
  });

  test("runs the other once after a daemon that was killed", async () => {
    const from = server.log.length;
    knock("7000", "9000", "8000");
    await server.waitForLog(/Ran \/bin\/sh for lights/, from, PATIENCE_MS);
    await server.stop("SIGKILL");
    await server.start();
    await server.waitForLog(
      /Ran \/bin\/sh for lights[^]*Ran \/bin\/sh for lights/,
      from,
      PATIENCE_MS,
    );
    expect(lines()).toEqual(["on 10.77.0.2", "off 10.77.0.2"]);
  });

  test("starts something for whoever connects to one port, and again a second later", async () => {
    const connect = [
      "python3",
      "-c",
      "import socket; socket.socket().connect_ex(('10.77.0.1', 25565))",
    ];
    for (const _ of [1, 2]) {
      const from = server.log.length;
      lab.run("stranger", connect);
      await server.waitForLog(/Ran \/bin\/sh for wake/, from, PATIENCE_MS);
      await server.waitForLog(/Closed wake/, from, PATIENCE_MS);
    }
    expect(lines()).toEqual(["wake 10.77.0.3", "wake 10.77.0.3"]);
  });
});
