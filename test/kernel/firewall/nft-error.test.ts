/**
 * Who refused a command of nft: the library, the kernel, or privilege. The texts are those of nft
 * 0.9.8 to 1.1.3.
 */

import { afterAll, expect, test } from "bun:test";
import { firstRefused } from "../../../src/firewall/first-refused.ts";
import { nftError, refusalOf } from "../../../src/firewall/nft-error.ts";
import { runNft } from "../../../src/native/libnftables.ts";
import { inside } from "../../support/inside.ts";
import { Lab } from "../../support/lab.ts";

const lab = new Lab();
afterAll(() => lab[Symbol.dispose]());
const onServer = <T>(fn: () => T): T => inside(lab.namespace("server"), fn);

const OLD = `internal:0:0-0: Error: syntax error, unexpected used, expecting string
add table inet sallyport
              ^^^^
`;

test.each([
  ["library", OLD],
  ["library", "internal:0:0-0: Error: conflicting protocols specified: ip6 vs. unknown\n"],
  [
    "absence",
    "internal:0:0-0: Error: Could not process rule: No such file or directory\nadd rule\n",
  ],
  ["absence", "internal:0:0-0: Error: Could not process rule: Operation not supported\nadd rule\n"],
  ["kernel", "internal:0:0-0: Error: Could not process rule: Invalid argument\nadd rule\n"],
  ["kernel", "internal:0:0-0: Error: Could not process rule: File exists\nadd rule\n"],
  ["kernel", "netlink: Error: Could not process rule: Cannot allocate memory\n"],
  ["kernel", "netlink: Error: Could not receive tables from kernel: No buffer space available\n"],
  ["privilege", "internal:0:0-0: Error: Could not process rule: Operation not permitted\n"],
  ["privilege", "internal:0:0-0: Error: cache initialization failed: Operation not permitted\n"],
] as const)("refusalOf() says %s of %p", (by, output) => {
  expect(refusalOf(output).by).toBe(by);
});

test("refusalOf() tells the words of this library from those of this kernel", () => {
  const asked = (commands: string) => {
    const { ok, error } = onServer(() => runNft(commands, { dryRun: true }));
    expect(ok).toBeFalse();
    return refusalOf(error);
  };
  expect(asked("add table inet t\nadd chain inet t c { no such words }").by).toBe("library");
  expect(asked("add table inet t\nadd rule inet t c ip saddr 1.2.3.4 ip6 saddr ::1").by).toBe(
    "library",
  );
  const route = "add table inet t\nadd chain inet t c { type route hook input priority 0; }";
  expect(asked(route)).toMatchObject({
    by: "absence",
    reason: expect.stringMatching(/^Could not process rule/),
  });
});

test("nftError() blames the library, and names what is needed", () => {
  const { message } = onServer(() => nftError("load", "table inet sallyport", OLD, "add set x"));
  expect(message).toMatch(
    /^Cannot load table inet sallyport: libnftables [\d.]+ does not understand these rules \(syntax error, unexpected used, expecting string, at "add set x"\): use a version/,
  );
  // In commands that name things of others, the words are not all ours.
  expect(nftError("read", "the rule set", OLD).message).not.toContain("libnftables");
});

test("nftError() names the command and the module that it lacks", () => {
  const { message } = nftError(
    "load",
    "table inet sallyport",
    "Error: Could not process rule: No such file or directory\nadd table inet sallyport\n",
    "add rule inet sallyport gate fib daddr type unicast accept",
  );
  expect(message).toBe(
    'Cannot load table inet sallyport: Could not process rule: No such file or directory, at "add rule inet sallyport gate fib daddr type unicast accept": use a kernel that has nft_fib_inet (CONFIG_NFT_FIB_INET), or load that module',
  );
});

test("firstRefused() finds the command, which nft itself does not name", () => {
  const before = [
    "add table inet t",
    ...Array.from({ length: 40 }, (_, i) => `add chain inet t c${i}`),
  ];
  for (const refused of [
    "add chain inet t r { type route hook input priority 0; }",
    "add rule inet t c0 no such words",
    "add rule inet t none accept",
  ]) {
    for (const at of [1, 7, 40, 41]) {
      const commands = before.toSpliced(at, 0, refused).join("\n");
      expect(onServer(() => firstRefused(`${commands}\n`))).toBe(refused);
    }
  }
  expect(onServer(() => firstRefused(before.join("\n")))).toBe(""); // refused before, and taken now
  expect(onServer(() => runNft("list tables").output)).toBe("");
});
