/** The library itself: found, missing, and filters it compiles. */

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { LinkType } from "../../../src/core/link-type.ts";
import { libpcapVersion } from "../../../src/native/libpcap.ts";
import { FilterProgram } from "../../../src/native/pcap-filter.ts";
import { LiveCapture } from "../../../src/native/pcap-live.ts";
import { bytes, concat, frame, ipv4, tcp } from "../../support/frames.ts";
import { run } from "../../support/programs.ts";

test("libpcapVersion() is the library's own text", () => {
  expect(libpcapVersion()).toMatch(/^libpcap version \d+\.\d+/);
});

test("a machine without libpcap is told which package to install, and still reads files", () => {
  libpcapVersion();
  const library = /\S*\/libpcap\.so\S*/.exec(readFileSync("/proc/self/maps", "utf8"))![0];
  const script = `
    const { openInterface } = await import("${import.meta.dir}/../../../src/capture/interface.ts");
    const { openCaptureFile } = await import("${import.meta.dir}/../../../src/capture/file.ts");
    try { openInterface("lo", () => "tcp") } catch (error) { console.log(error.message) }
    try { openCaptureFile("/dev/null") } catch (error) { console.log(error.message) }`;
  // In a mount namespace of its own the library is an empty file.
  const { out } = run([
    "unshare",
    "--mount",
    "sh",
    "-c",
    `mount --bind /dev/null ${library} && exec ${process.execPath} -e '${script}'`,
  ]);
  const [live, file] = out.split("\n");
  expect(live).toContain("libpcap.so.1");
  expect(live).toContain("install the package libpcap0.8 (Debian, Ubuntu) or libpcap (Fedora");
  expect(file).toBe("Cannot read /dev/null: it is empty: name a .pcap or .pcapng file");
});

test("FilterProgram.compileFor() says what is wrong with an expression", () => {
  expect(() => FilterProgram.compileFor(LinkType.ethernet, "tcp and and")).toThrow(
    /^Cannot compile the filter "tcp and and": .*syntax error/,
  );
});

test("FilterProgram.matches() runs the program, until it is closed", () => {
  const program = FilterProgram.compileFor(LinkType.ethernet, "tcp dst port 7000");
  const wire = (port: number) =>
    frame(LinkType.ethernet, ipv4("10.77.0.2", "10.77.0.1", tcp(port)));
  expect(program.matches(wire(7000))).toBeTrue();
  expect(program.matches(wire(7001))).toBeFalse();
  // Reads no further than the frame: the rest of it follows directly in memory.
  const short = concat(wire(7000), bytes(0)).subarray(0, 30);
  expect(program.matches(short)).toBeFalse();
  program.close();
  program.close();
  expect(() => program.matches(wire(7000))).toThrow("closed");
});

test("LiveCapture.open() leaves nothing open when the filter is refused", () => {
  // Sockets only: a capture is one, and the runtime opens and closes other descriptors of its own.
  const count = () =>
    run(["sh", "-c", `ls -l /proc/${process.pid}/fd | grep -c "socket:"`], { mayFail: true }).out;
  const open = () =>
    LiveCapture.open("lo", {
      snaplen: 64,
      bufferBytes: 65_536,
      batch: 1,
      filter: () => "no such word",
    });
  expect(open).toThrow("Cannot compile the filter");
  const before = count();
  for (let i = 0; i < 5; i++) expect(open).toThrow();
  expect(count()).toBe(before);
});
