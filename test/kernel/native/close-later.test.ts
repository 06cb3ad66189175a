/** Sockets of nf_tables are closed a moment after a change; which and how many, by the descriptors of this process. */

import { afterAll, expect, test } from "bun:test";
import { readdirSync, readlinkSync } from "node:fs";
import { runNft } from "../../../src/native/libnftables.ts";
import { inside } from "../../support/inside.ts";
import { Lab } from "../../support/lab.ts";
import { until } from "../../support/until.ts";

const lab = new Lab();
afterAll(() => lab[Symbol.dispose]());
const onServer = (commands: string) => inside(lab.namespace("server"), () => runNft(commands));

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
  onServer("list tables");
  await until(() => {
    const before = openSockets();
    onServer("list tables");
    return openSockets() === before; // what other tests left is closed
  });
  const before = openSockets();
  const change = "add table inet t\ndelete table inet t";
  expect(onServer(change).ok).toBeTrue();
  expect(onServer("list tables").ok).toBeTrue();
  expect(openSockets()).toBe(before + 2);
  for (let i = 0; i < 30; i++) onServer(change);
  expect(openSockets()).toBe(before + 12);
  await until(() => openSockets() === before);
});
