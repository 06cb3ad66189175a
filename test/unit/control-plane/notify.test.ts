/** The reports to a service manager: from real unix sockets, by path and by abstract name. */

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openNotifier } from "../../../src/control-plane/notify.ts";

const folder = mkdtempSync(join(tmpdir(), "sallyport-notify-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Receives datagrams like systemd, and prints each as a line of JSON. */
const MANAGER = `
import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("\\0" + sys.argv[1][1:] if sys.argv[1][0] == "@" else sys.argv[1])
print("up", flush=True)
while True: print(json.dumps(s.recv(4096).decode()), flush=True)
`;
import { spawn } from "../../support/programs.ts";

async function manager(address: string) {
  const child = spawn(["python3", "-c", MANAGER, address], { stdout: "pipe" });
  const lines = linesOf(child.stdout);
  expect(await lines.next()).toMatchObject({ value: "up" });
  return {
    hears: async () => JSON.parse((await lines.next()).value as string) as string,
    [Symbol.dispose]: () => child.kill(),
  };
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream() as never)) {
    const parts = (rest + String(chunk)).split("\n");
    rest = parts.pop()!;
    yield* parts;
  }
}

describe("openNotifier()", () => {
  test.each([join(folder, "notify"), `@sallyport-notify-${process.pid}`])(
    "tells the manager at %s everything that sd_notify(3) knows of it",
    async (address) => {
      using heard = await manager(address);
      const notifier = openNotifier({ NOTIFY_SOCKET: address }, process.pid)!;
      notifier.ready("Guarding 22/tcp");
      expect(await heard.hears()).toBe("READY=1\nSTATUS=Guarding 22/tcp");
      notifier.reloading();
      expect(await heard.hears()).toBe("RELOADING=1");
      notifier.watchdog();
      expect(await heard.hears()).toBe("WATCHDOG=1");
      notifier.status("two\nREADY=1 lines");
      expect(await heard.hears()).toBe("STATUS=two READY=1 lines");
      notifier.stopping();
      expect(await heard.hears()).toBe("STOPPING=1");
    },
    20_000,
  );

  test.each([undefined, "", "@", "relative", "vsock:2:1234"])("says nothing at %p", (address) => {
    expect(openNotifier({ NOTIFY_SOCKET: address }, 1)).toBeUndefined();
  });

  test("says which socket is dead, and never waits for one that is not read", () => {
    const dead = openNotifier({ NOTIFY_SOCKET: join(folder, "nobody") }, 1)!;
    expect(() => dead.watchdog()).toThrow(/Cannot send to the socket .*nobody: ENOENT/);
    const long = openNotifier({ NOTIFY_SOCKET: `/${"x".repeat(108)}` }, 1)!;
    expect(() => long.watchdog()).toThrow(/at most 107 bytes/);
  });

  test.each([
    ["20000000", undefined, 20_000],
    ["20000000", "42", 20_000],
    ["500", undefined, 0.5],
    ["20000000", "43", undefined],
    ["0", undefined, undefined],
    ["soon", undefined, undefined],
    [undefined, undefined, undefined],
  ])("reads a watchdog of %p for process %p as %p ms", (usec, pid, expected) => {
    const environment = { NOTIFY_SOCKET: "/s", WATCHDOG_USEC: usec, WATCHDOG_PID: pid };
    expect(openNotifier(environment, 42)?.watchdogMs).toBe(expected as number);
  });
});
