/** The netfilter libraries and netlink framing, at their edges. */

import { describe, expect, test } from "bun:test";
import { copyFileSync } from "node:fs";
import { openLibrary } from "../../../src/native/library.ts";
import { runNft } from "../../../src/native/libnftables.ts";
import { commentUserData } from "../../../src/native/libnftnl.ts";
import { addressOf } from "../../../src/native/memory.ts";
import { MessageWriter, nfgenmsg } from "../../../src/native/netlink/message-writer.ts";
import { findLibrary } from "../../../src/native/needed-libraries.ts";
import { findAttribute } from "../../../src/native/netlink/attributes.ts";
import { errorText, messages } from "../../../src/native/netlink/message.ts";
import { run } from "../../support/programs.ts";
import { StateFolder } from "../../support/store.ts";

test("openLibrary() names the package of a missing library", () => {
  const missing = { sonames: ["libmissing.so.9"], packages: "libmissing9 (Debian)" };
  expect(() => openLibrary(missing, { any: { args: [], returns: "int" } })).toThrow(
    /^Cannot open libmissing\.so\.9: .*: install the package libmissing9 \(Debian\)$/,
  );
});

test("openLibrary() takes no library from the current folder, where anybody may have put it", () => {
  using folder = new StateFolder();
  copyFileSync(
    findLibrary({ sonames: ["libmnl.so.0"], packages: "libmnl0 (Debian)" })!.file,
    folder.file("libmissing.so.9"),
  );
  const script = `
    const { openLibrary } = await import("${import.meta.dir}/../../../src/native/library.ts");
    const missing = { sonames: ["libmissing.so.9"], packages: "libmissing9 (Debian)" };
    openLibrary(missing, { mnl_socket_open: { args: ["i32"], returns: "ptr" } });`;
  const { code, err } = run([process.execPath, "-e", script], { cwd: folder.path, mayFail: true });
  expect(err).toContain("Cannot open libmissing.so.9: libmissing.so.9: cannot open shared object");
  expect(code).not.toBe(0);
});

test("openLibrary() names the symbol that an old library lacks", () => {
  const mnl = { sonames: ["libmnl.so.0"], packages: "libmnl0 (Debian)" };
  expect(() => openLibrary(mnl, { mnl_from_the_future: { args: [], returns: "int" } })).toThrow(
    /^Cannot use libmnl\.so\.0: .*mnl_from_the_future.*: install a newer libmnl0/,
  );
});

test("openLibrary() blames no library for a process without memory for its calls", () => {
  const library = `${import.meta.dir}/../../../src/native/libc.ts`;
  const script = `(await import("${library}")).libc()`;
  // As the engine finds out by itself under ulimit -v.
  const env = { ...process.env, BUN_JSC_useJIT: "0" };
  const { err } = run([process.execPath, "-e", script], { mayFail: true, env });
  expect(err).toMatch(
    /Cannot use \S+: .*JIT: let this process have memory that it may write and run/,
  );
  expect(err).not.toContain("install");
});

test("addressOf() stays right when the array's buffer is asked for later", () => {
  const bytes = new Uint8Array(24);
  const before = addressOf(bytes);
  new DataView(bytes.buffer).setUint8(0, 7);
  expect(addressOf(bytes)).toBe(before);
});

test("runNft() answers what is wrong with a command, and changes nothing when dry", () => {
  const { ok, error } = runNft("add rule inet missing missing accept; nonsense", { dryRun: true });
  expect(ok).toBe(false);
  expect(error).toContain("syntax error");
});

test.each([
  ["ssh alice/laptop", "ssh alice/laptop"],
  ["", ""],
  ["é".repeat(61), "é".repeat(60)],
  [`a${"é".repeat(60)}`, `a${"é".repeat(59)}`],
])("commentUserData() holds a comment as nft has it: %s", (text, kept) => {
  const data = commentUserData(text);
  const body = Buffer.from(kept);
  expect([...data]).toEqual([0, body.length + 1, ...body, 0]);
});

describe("messages()", () => {
  const writer = new MessageWriter();
  writer.begin(0x0a0d, 5, 77, nfgenmsg(2));
  writer.u16(3, 0x1234);
  writer.nest(4, () => writer.u8(1, 9));
  const view = new DataView(writer.bytes.buffer);

  test("reads what MessageWriter writes", () => {
    const [message, ...others] = messages(view, writer.length);
    expect(others).toEqual([]);
    expect(message).toMatchObject({ type: 0x0a0d, flags: 5, sequence: 77 });
    const at = findAttribute(view, message!.at + 4, message!.end, 4);
    expect(view.getUint8(findAttribute(view, at + 4, message!.end, 1) + 4)).toBe(9);
  });

  test("ends at any truncation, and attributes never reach past the end", () => {
    for (let length = 0; length < writer.length; length++) {
      expect([...messages(view, length)]).toEqual([]);
      expect(findAttribute(view, 20, Math.min(length, 23), 3)).toBe(-1);
    }
  });

  test("does not loop on attributes and messages of length zero", () => {
    const zero = new DataView(new ArrayBuffer(64));
    expect([...messages(zero, 64)]).toEqual([]);
    expect(findAttribute(zero, 0, 64, 1)).toBe(-1);
    expect(
      errorText(zero, { type: 2, flags: 0x300, sequence: 0, at: 16, end: 64 }),
    ).toBeUndefined();
  });
});
