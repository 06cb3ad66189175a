/** The chains that a packet for this machine can meet. */

import { expect, test } from "bun:test";
import { arrivingRules } from "../../../src/foreign-rules/arriving-rules.ts";
import { toListing } from "../../../src/foreign-rules/read-listing.ts";
import type { ListedRule, Statement } from "../../../src/foreign-rules/listing.ts";

const chain = (name: string, hook?: string) => ({
  chain: { family: "inet", table: "filter", name, ...(hook !== undefined && { hook }) },
});
let handle = 0;
const rule = (inChain: string, ...expr: Statement[]): { rule: ListedRule } => ({
  rule: { family: "inet", table: "filter", chain: inChain, handle: ++handle, expr },
});
const names = (...entries: Parameters<typeof toListing>[0]) =>
  [...arrivingRules(toListing(entries)).keys()].map((key) => key.split(" ")[2]!).toSorted();

test("arrivingRules() holds what input jumps to, also by a map, and nothing of output", () => {
  const vmap = { key: {}, data: { set: [["tcp", { jump: { target: "by-map" } }]] } };
  expect(
    names(
      chain("input", "input"),
      chain("output", "output"),
      ...["jumped", "gone-to", "by-map", "of-output"].map((name) => chain(name)),
      rule("input", { jump: { target: "jumped" } }, { vmap }),
      rule("jumped", { goto: { target: "gone-to" } }),
      rule("gone-to", { jump: { target: "jumped" } }),
      rule("by-map", { drop: null }),
      rule("output", { jump: { target: "of-output" } }),
      rule("of-output", { drop: null }),
    ),
  ).toEqual(["by-map", "gone-to", "input", "jumped"]);
});

test("arrivingRules() holds all of a table whose map is listed apart", () => {
  expect(
    names(
      chain("input", "input"),
      chain("named"),
      rule("input", { vmap: { key: {}, data: "@ports" } }),
      rule("named", { drop: null }),
    ),
  ).toEqual(["input", "named"]);
});

test("toListing() keeps what nft has no JSON for as a statement that nobody can read", () => {
  const text = "jump {\n counter drop\n}" as unknown as Statement;
  const { rules } = toListing([chain("input", "input"), rule("input", text)]);
  expect([...rules.values()].flat().map(({ expr }) => expr)).toEqual([[{ unread: text }]]);
});
