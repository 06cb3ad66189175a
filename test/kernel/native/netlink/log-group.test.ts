/** The lock in the kernel: exclusive, per network namespace, gone with its process, out of reach of other users. */

import { afterAll, expect, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import { enterNamespace } from "../../../../src/native/net-namespace.ts";
import { holderOfLogGroup } from "../../../../src/native/netlink/group-holder.ts";
import { claimLogGroup, logGroupState } from "../../../../src/native/netlink/log-group.ts";
import { inside } from "../../../support/inside.ts";
import { Lab } from "../../../support/lab.ts";
import { run, spawn } from "../../../support/programs.ts";

const GROUP = 0x7e57;
const lab = new Lab();
afterAll(() => lab[Symbol.dispose]());
const onServer = <T>(fn: () => T): T => inside(lab.namespace("server"), fn);

test("claimLogGroup() gives a group to one holder at a time, and again when he closed it", () => {
  const first = onServer(() => claimLogGroup(GROUP));
  expect(first).toBeDefined();
  expect(onServer(() => claimLogGroup(GROUP))).toBeUndefined();
  first!.close();
  first!.close();
  using second = onServer(() => claimLogGroup(GROUP));
  expect(second).toBeDefined();
});

test("logGroupState() wears nothing out, however often it asks", () => {
  for (let i = 0; i < 100; i++) expect(onServer(() => logGroupState(GROUP))).toBe("free");
  using held = onServer(() => claimLogGroup(GROUP));
  expect(held).toBeDefined();
  for (let i = 0; i < 300; i++) expect(onServer(() => logGroupState(GROUP))).toBe("held");
  expect(onServer(() => claimLogGroup(GROUP))).toBeUndefined();
});

test("claimLogGroup() holds in its own network namespace alone", () => {
  using held = onServer(() => claimLogGroup(GROUP));
  expect(held).toBeDefined();
  using _ = enterNamespace(`/run/netns/${lab.namespace("client")}`);
  expect(logGroupState(GROUP)).toBe("free");
  using other = claimLogGroup(GROUP);
  expect(other).toBeDefined();
});

test("holderOfLogGroup() names the process, and nobody where the group is free", () => {
  using held = onServer(() => claimLogGroup(GROUP));
  expect(held).toBeDefined();
  expect(onServer(() => holderOfLogGroup(GROUP))).toBe(process.pid);
  expect(onServer(() => holderOfLogGroup(GROUP + 1))).toBeUndefined();
});

test("holderOfLogGroup() names a process whose lower descriptors close while it looks", () => {
  // The look itself opens and closes one: here it gets a number below that of the lock.
  const lower = Array.from({ length: 8 }, () => openSync("/dev/null", "r"));
  using held = onServer(() => claimLogGroup(GROUP));
  for (const fd of lower) closeSync(fd);
  expect(held).toBeDefined();
  expect(onServer(() => holderOfLogGroup(GROUP))).toBe(process.pid);
});

const CLAIM = `
  const { claimLogGroup } = await import("${import.meta.dir}/../../../../src/native/netlink/log-group.ts");
  console.log(claimLogGroup(${GROUP}) !== undefined);
  if (process.argv[1] === "die") process.kill(process.pid, "SIGKILL");`;

test("a group is free again once its holder was killed", () => {
  for (let i = 0; i < 3; i++) {
    expect(lab.run("server", [process.execPath, "-e", CLAIM, "die"], { mayFail: true }).out).toBe(
      "true\n",
    );
  }
});

test("a child that outlives the holder's socket keeps no group", async () => {
  const held = onServer(() => claimLogGroup(GROUP));
  expect(held).toBeDefined();
  const child = spawn(["sleep", "60"], { stdout: "ignore" });
  try {
    held!.close();
    // A parent continues while its child is still closing descriptors that it must not inherit.
    const deadline = performance.now() + 5_000;
    const state = () => onServer(() => logGroupState(GROUP));
    while (state() === "held" && performance.now() < deadline) await Bun.sleep(1);
    expect(child.exitCode).toBeNull();
    expect(state()).toBe("free");
  } finally {
    child.kill("SIGKILL");
  }
});

test("a user without CAP_NET_ADMIN cannot take a group, and one with it can", () => {
  const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
  const admin = ["--inh-caps=-all,+net_admin", "--ambient-caps=-all,+net_admin"];
  expect(lab.run("server", [...nobody, process.execPath, "-e", CLAIM]).out).toBe("false\n");
  expect(onServer(() => logGroupState(GROUP))).toBe("free");
  expect(lab.run("server", [...nobody, ...admin, process.execPath, "-e", CLAIM]).out).toBe(
    "true\n",
  );
});

test("a rule that logs to the group costs its holder nothing", () => {
  using held = onServer(() => claimLogGroup(GROUP));
  expect(held).toBeDefined();
  lab.run("server", ["nft", "-f", "-"], {
    input: `table inet noisy {
      chain in {
        type filter hook input priority 0;
        log group ${GROUP}
      }
    }
`,
  });
  run(["ip", "netns", "exec", lab.namespace("client"), "ping", "-qfc2000", "10.77.0.1"]);
  const rows = lab.run("server", ["cat", "/proc/net/netfilter/nfnetlink_log"]).out;
  expect(rows).toMatch(new RegExp(`^\\s*${GROUP}\\s`, "m"));
  expect(onServer(() => logGroupState(GROUP))).toBe("held");
  lab.run("server", ["nft", "delete", "table", "inet", "noisy"]);
});
