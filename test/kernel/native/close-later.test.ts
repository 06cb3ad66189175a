/** Sockets of nf_tables are closed a moment after a change; which and how many, by the descriptors of a process. */

import { afterAll, expect, test } from "bun:test";
import { readdirSync, readlinkSync } from "node:fs";
import { runNft } from "../../../src/native/libnftables.ts";
import { inside } from "../../support/inside.ts";
import { Lab } from "../../support/lab.ts";
import { run } from "../../support/programs.ts";
import { until } from "../../support/until.ts";

const lab = new Lab();
afterAll(() => lab[Symbol.dispose]());
const onServer = (commands: string) => inside(lab.namespace("server"), () => runNft(commands));

const CHANGE = "add table inet t\ndelete table inet t";

function openSockets(): number {
  const links = readdirSync("/proc/self/fd").map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return ""; // that of the listing itself
    }
  });
  return links.filter((link) => link.startsWith("socket:")).length;
}

test("runNft() keeps a few sockets for a moment after a change, and none after listings alone", async () => {
  await Bun.sleep(300); // what other tests of this process left is closed
  onServer("list tables");
  const before = openSockets();
  onServer("list tables");
  expect(openSockets()).toBe(before);
  expect(onServer(CHANGE).ok).toBeTrue();
  expect(onServer("list tables").ok).toBeTrue();
  expect(openSockets()).toBeGreaterThan(before);
  for (let i = 0; i < 30; i++) onServer(CHANGE);
  expect(openSockets()).toBeWithin(before + 1, before + 12 + 1);
  await until(() => openSockets() === before);
});

/** Changes the table again and again while somebody takes every descriptor that is free in between. */
const STARVING = `
  import { openSync } from "node:fs";
  import { runNft } from "${import.meta.dir}/../../../src/native/libnftables.ts";
  const takeAll = () => {
    try {
      for (;;) openSync("/dev/null", "r");
    } catch {}
  };
  for (let round = 0; round < 8; round++) {
    for (let i = 0; i < 5; i++) {
      const { ok, error } = runNft(${JSON.stringify(CHANGE)});
      if (!ok) throw new Error(error);
      takeAll();
    }
    await Bun.sleep(300); // the sockets are closed
    takeAll();
  }
`;

test("runNft() works on where others take every descriptor that is free", () => {
  const argv = ["prlimit", "--nofile=96", process.execPath, "--eval", STARVING];
  expect(inside(lab.namespace("server"), () => run(argv))).toMatchObject({ code: 0, err: "" });
});
