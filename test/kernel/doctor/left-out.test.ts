/** The parts of the guard that a machine lacks, by transactions in a namespace of its own. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { checkLeftOut, probeLeftOut } from "../../../src/doctor/left-out.ts";
import { runNft } from "../../../src/native/libnftables.ts";
import { verifiedSignatures } from "../../../src/native/tcp-signatures.ts";
import { inside } from "../../support/inside.ts";
import { Lab } from "../../support/lab.ts";

let lab: Lab;
beforeAll(() => {
  lab = new Lab();
}, 30_000);
afterAll(() => lab[Symbol.dispose]());

const onServer = <T>(fn: () => T): T => inside(lab.namespace("server"), fn);

/** A machine whose kernel or library refuses commands with `word`, for that reason. */
const refusing = (word: string, reason: string) => (commands: string) =>
  commands.includes(word)
    ? { ok: false, output: "", error: `Error: ${reason}\n` }
    : runNft(commands, { dryRun: true });

describe("probeLeftOut()", () => {
  test("finds nothing left out by the kernel that the guard's tests run on, and leaves nothing", () => {
    expect(onServer(() => probeLeftOut())).toEqual([]);
    expect(lab.run("server", ["nft", "list", "ruleset"]).out).toBe("");
  });

  test.each([
    [
      "transparentProxies",
      "socket transparent",
      "Could not process rule: No such file or directory",
    ],
    ["echoDscp", "ct mark set", "Could not process rule: Operation not supported"],
    ["flowLabels", "jhash", "syntax error, unexpected string"],
    ["silentOptions", "tcp option 19", "syntax error, unexpected number"],
  ])("finds %s left out where %s is refused", (name, word, reason) => {
    // A kernel that verifies no signatures answers signed segments, and so does the guard: nothing is left out.
    const isAsked = name !== "silentOptions" || verifiedSignatures().includes(19);
    const found = onServer(() => probeLeftOut(refusing(word, reason)));
    expect(found.map((part) => part.name as string)).toEqual(isAsked ? [name] : []);
    const warning = {
      level: "warning" as const,
      sentence: expect.stringContaining(`library or kernel refuse that part (${reason})`),
      remedy: expect.stringMatching(/modprobe nft_socket|libnftables 1\.0/),
    };
    expect(checkLeftOut(found)).toEqual(isAsked ? [warning] : []);
  });

  test("finds nothing where a kernel is short of memory for a moment", () => {
    const short = refusing("socket transparent", "Could not process rule: Cannot allocate memory");
    expect(onServer(() => probeLeftOut(short))).toEqual([]);
  });

  test("leaves a refusal of the whole guard to the check of the kernel", () => {
    const without = refusing("table", "Could not process rule: Operation not supported");
    expect(onServer(() => probeLeftOut(without))).toEqual([]);
  });
});
