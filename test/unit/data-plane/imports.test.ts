/**
 * The modules that the data plane's thread loads: each costs memory and start-up time of the thread
 * that opens doors.
 */

import { expect, test } from "bun:test";
import { join, resolve } from "node:path";

const SRC = resolve(import.meta.dir, "../../../src");

/** Folders whose code runs between a frame and its door, and the names of users, which a plan brings along. */
const LOADED = /^(capture|core|data-plane|decode|firewall|match|native|rks)\/|^config\/names\.ts$/;

test("the data plane's thread loads no package, and nothing of config, store or api", async () => {
  const built = await Bun.build({
    entrypoints: [join(SRC, "data-plane/data-plane.worker.ts")],
    target: "bun",
    sourcemap: "external",
  });
  const map = built.outputs.find(({ kind }) => kind === "sourcemap");
  const { sources } = (await map!.json()) as { sources: string[] };
  const names = sources.map((source) => source.replace(/^.*?src\//, ""));
  expect(names).toContain("data-plane/data-plane.ts");
  expect(names.filter((name) => !LOADED.test(name))).toEqual([]);
});
