/** errno, namespaces and capabilities against the real kernel. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { constants } from "node:os";
import { getSystemErrorName } from "node:util";
import { readlinkSync } from "node:fs";
import { ExitCode } from "../../../src/core/errors.ts";
import { effectiveCapabilities, parseCapabilities } from "../../../src/native/capabilities.ts";
import { Errno, errnoName } from "../../../src/native/errno.ts";
import { cString, errno, failure, libc } from "../../../src/native/libc.ts";
import { enterNamespace } from "../../../src/native/net-namespace.ts";
import { run } from "../../support/programs.ts";

const NAMESPACE = `sallyport-${process.pid}-libc`;
const PATH = `/run/netns/${NAMESPACE}`;
beforeAll(() => {
  run(["ip", "netns", "add", NAMESPACE]);
});
afterAll(() => {
  run(["ip", "netns", "delete", NAMESPACE]);
});

const here = () => readlinkSync("/proc/thread-self/ns/net");

test("errno() is right after every failure while the collector works", () => {
  // Nobody can make a file there.
  const none = cString("/proc/none");
  const byte = new Uint8Array(1);
  const wrong: string[] = [];
  let garbage: object[] = [];
  for (let i = 0; i < 300_000; i++) {
    const [result, wanted] =
      i % 3 === 0
        ? [libc().close(-1), Errno.EBADF]
        : i % 3 === 1
          ? [libc().open(none, 0), Errno.ENOENT]
          : [libc().socket(-1, 0, 0), Errno.EAFNOSUPPORT];
    const code = errno();
    if (result !== -1 || code !== wanted) wrong.push(`call ${i}: ${result} ${code}`);
    garbage.push({ i, text: `garbage ${i}`, bytes: i % 100 === 0 ? new Uint8Array(4096) : byte });
    if (garbage.length === 10_000) garbage = [];
  }
  expect(wrong).toEqual([]);
});

test("errnoName() agrees with the runtime's own names", () => {
  for (const [name, code] of Object.entries(constants.errno)) {
    if (name === "EWOULDBLOCK" || name === "ENOTSUP") continue; // second names
    expect([code, errnoName(code)]).toEqual([code, name]);
  }
  for (const [name, code] of Object.entries(Errno)) expect(errnoName(code)).toBe(name);
  expect(errnoName(-19)).toBe("ENODEV");
  expect(errnoName(-19)).toBe(getSystemErrorName(-19));
  expect([errnoName(0), errnoName(41), errnoName(4242)]).toEqual([
    "error 0",
    "error 41",
    "error 4242",
  ]);
});

test("failure() exits with 77 for lack of privilege only", () => {
  const attempt = { operation: "do", object: "it", remedy: "try again" };
  expect(failure(Errno.EPERM, attempt).exitCode).toBe(ExitCode.privilege);
  expect(failure(Errno.EBUSY, attempt).exitCode).toBe(ExitCode.failure);
  expect(failure(Errno.EBUSY, attempt).message).toBe("Cannot do it: EBUSY: try again");
});

describe("enterNamespace()", () => {
  test("moves the thread there and back", () => {
    const before = here();
    const inside = enterNamespace(PATH);
    expect(here()).not.toBe(before);
    expect(run(["ip", "-o", "link"]).out.trim().split("\n").length).toBe(1);
    inside[Symbol.dispose]();
    inside[Symbol.dispose]();
    expect(here()).toBe(before);
  });

  test("throws without moving when there is none", () => {
    const before = here();
    expect(() => enterNamespace("/run/netns/sallyport-none")).toThrow(
      "Cannot enter the network namespace /run/netns/sallyport-none: ENOENT: name one that exists",
    );
    expect(() => enterNamespace("/dev/null")).toThrow("EINVAL");
    expect(here()).toBe(before);
  });

  test("leaves no descriptor behind", () => {
    // Only those on namespaces: the runtime opens and closes others of its own.
    const count = () =>
      run(["sh", "-c", `ls -l /proc/${process.pid}/fd | grep -c "net:\\["`], { mayFail: true }).out;
    enterNamespace(PATH)[Symbol.dispose]();
    const before = count();
    for (let i = 0; i < 20; i++) enterNamespace(PATH)[Symbol.dispose]();
    expect(count()).toBe(before);
  });
});

test("effectiveCapabilities() reads what the kernel granted", () => {
  const script = `
    const { effectiveCapabilities } = await import("${import.meta.dir}/../../../src/native/capabilities.ts");
    console.log([...effectiveCapabilities()].join(" "));`;
  const as = (...argv: string[]) => run([...argv, process.execPath, "-e", script]).out.trim();
  const grant =
    "--reuid=65534 --regid=65534 --clear-groups --inh-caps=+net_raw,+net_admin --ambient-caps=+net_raw,+net_admin";
  expect(as("setpriv", ...grant.split(" "))).toBe("CAP_NET_ADMIN CAP_NET_RAW");
  expect(as("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")).toBe("");
  expect(effectiveCapabilities().has("CAP_NET_ADMIN")).toBeTrue();
  expect([...parseCapabilities("0000000000003000")]).toEqual(["CAP_NET_ADMIN", "CAP_NET_RAW"]);
  expect(parseCapabilities("ffffffffffffffff").size).toBe(41);
});
