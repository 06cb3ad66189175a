/** Used slots on disk: which survive, how processes affect each other, which claims are refused. */

import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { slotFiles } from "../../../src/client/slot-files.ts";
import { memorySlotStore, type SlotTerms, slotsName } from "../../../src/client/slot-store.ts";
import { slotStartMs } from "../../../src/rks/slot.ts";
import { asNobody } from "../../support/nobody.ts";
import { spawn } from "../../support/programs.ts";

const KEY = new Uint8Array(32).fill(0x5a);

const SSH: SlotTerms = { key: KEY, door: "ssh", stepSeconds: 30 };
const WEB: SlotTerms = { ...SSH, door: "web" };
const OTHER: SlotTerms = { ...SSH, key: new Uint8Array(32).fill(0x5b) };

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "sallyport-slots-"));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

for (const [name, make] of [
  ["slotFiles()", () => slotFiles(join(root, "slots"))],
  ["memorySlotStore()", memorySlotStore],
] as const) {
  test(`${name} remembers the highest slot of each key and door apart`, () => {
    const slots = make();
    expect(slots.last(SSH)).toBeUndefined();
    expect(slots.claim(SSH, 100)).toBe(true);
    expect(slots.claim(SSH, 101)).toBe(true);
    expect(slots.claim(OTHER, 7)).toBe(true);
    expect(slots.claim(WEB, 9)).toBe(true);
    expect([slots.last(SSH), slots.last(OTHER), slots.last(WEB)]).toEqual([101, 7, 9]);
  });

  test(`${name} refuses a slot that is used`, () => {
    const slots = make();
    slots.claim(SSH, 100);
    expect(slots.claim(SSH, 100)).toBe(false);
  });

  test(`${name} keeps slots of each length apart: their numbers mean other times`, () => {
    const slots = make();
    slots.claim(SSH, 100);
    const minutes = { ...SSH, stepSeconds: 60 };
    expect(slots.last(minutes)).toBeUndefined();
    expect(slots.claim(minutes, 50)).toBe(true);
    expect(slots.claim(SSH, 100)).toBe(false);
    expect([slots.last(SSH), slots.last(minutes)]).toEqual([100, 50]);
    slots.forgetAhead(SSH, 0);
    expect([slots.last(SSH), slots.last(minutes)]).toEqual([undefined, undefined]);
  });

  test(`${name} forgets slots ahead of the clock, of one key and door only`, () => {
    const slots = make();
    for (const slot of [99, 100, 101, 102, 110]) slots.claim(SSH, slot);
    for (const slot of [100, 200]) slots.claim(WEB, slot);
    slots.forgetAhead(SSH, slotStartMs(100, 30));
    expect([slots.last(SSH), slots.last(WEB)]).toEqual([101, 200]);
    expect(slots.claim(SSH, 101)).toBe(false);
  });

  test(`${name} forgets no slot that may be used now: its knock may have been believed`, () => {
    const slots = make();
    for (const slot of [100, 101]) slots.claim(SSH, slot);
    slots.forgetAhead(SSH, slotStartMs(100, 30));
    expect(slots.last(SSH)).toBe(101);
    slots.forgetAhead(OTHER, 0);
  });
}

test("slotFiles() finds the slots of an earlier run", () => {
  slotFiles(root).claim(SSH, 59_000_000);
  expect(slotFiles(root).last(SSH)).toBe(59_000_000);
});

test("slotFiles() keeps its files to their owner and the key out of their names", () => {
  slotFiles(join(root, "slots")).claim(SSH, 5);
  const folder = join(root, "slots", slotsName(SSH));
  const modes = [join(root, "slots"), folder, join(folder, "30s"), join(folder, "30s", "5")].map(
    (path) => statSync(path).mode & 0o777,
  );
  expect(modes).toEqual([0o700, 0o700, 0o700, 0o600]);
  expect(slotsName(SSH)).toMatch(/^[0-9a-f]{32}$/);
  expect(slotsName(SSH)).not.toContain("5a5a5a");
});

test("slotFiles() clears old slots away, and refuses those whose file may have been cleared", () => {
  const slots = slotFiles(root);
  for (let slot = 1; slot <= 100; slot++) expect(slots.claim(SSH, slot)).toBe(true);
  expect(readdirSync(join(root, slotsName(SSH), "30s")).length).toBe(16);
  // A process that chose slot 50 and was stopped (a laptop asleep) until now.
  expect(slots.claim(SSH, 50)).toBe(false);
  expect(slots.claim(SSH, 50)).toBe(false);
  expect(slots.last(SSH)).toBe(100);
});

test("slotFiles() remembers what was used before a clock ran ahead, once that is forgotten", () => {
  const slots = slotFiles(root);
  for (const slot of [100, 2_980, 2_981, 5_000]) expect(slots.claim(SSH, slot)).toBe(true);
  slots.forgetAhead(SSH, slotStartMs(100, 30));
  expect(slots.last(SSH)).toBe(100);
  expect(slots.claim(SSH, 100)).toBe(false);
});

test("slotFiles() gives every slot once to many processes at once", async () => {
  const script = `
    import { slotFiles } from ${JSON.stringify(resolve(import.meta.dir, "../../../src/client/slot-files.ts"))};
    const slots = slotFiles(process.argv[1]);
    const ssh = { key: new Uint8Array(32).fill(0x5a), door: "ssh", stepSeconds: 30 };
    const mine = [];
    while (mine.length < 60) {
      const slot = (slots.last(ssh) ?? 0) + 1;
      if (slots.claim(ssh, slot)) mine.push(slot);
    }
    console.log(mine.join(" "));`;
  const children = Array.from({ length: 4 }, () =>
    spawn([process.execPath, "-e", script, root], { stdout: "pipe", stderr: "inherit" }),
  );
  const taken = await Promise.all(
    children.map(async (child) => (await new Response(child.stdout).text()).trim().split(" ")),
  );
  const all = taken.flat().map(Number);
  expect(all.length).toBe(240);
  expect(new Set(all).size).toBe(240);
});

test("slotFiles() ignores files that are no slots", () => {
  const folder = join(root, slotsName(SSH), "30s");
  mkdirSync(folder, { recursive: true });
  for (const name of [".nfs0001", "12~", "-3", "notes", "1e9"])
    writeFileSync(join(folder, name), "");
  expect(slotFiles(root).last(SSH)).toBeUndefined();
});

test("slotFiles() says what to do where it cannot remember", () => {
  writeFileSync(join(root, "slots"), "a file where a folder should be");
  const slots = slotFiles(join(root, "slots"));
  expect(() => slots.claim(SSH, 1)).toThrow(
    /^Cannot write .*: (ENOTDIR|EEXIST): .*make the folder writable, or name another in XDG_STATE_HOME$/,
  );
  expect(() => slots.last(SSH)).toThrow(/^Cannot read the slots used in .*: ENOTDIR: /);
});

test("slotFiles() refuses a folder it may not write", () => {
  slotFiles(root).claim(WEB, 100);
  chmodSync(join(root, slotsName(WEB), "30s"), 0o500);
  chmodSync(root, 0o500);
  asNobody(() => {
    expect(() => slotFiles(root).claim(SSH, 1)).toThrow(/EACCES/);
    expect(() => slotFiles(root).forgetAhead(WEB, 0)).toThrow(
      /^Cannot forget the slots used in .*: EACCES: make the folder writable, or name another in XDG_STATE_HOME$/,
    );
  });
});
