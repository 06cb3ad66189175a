/** A machine that is slow, emulated or busy: the daemon may take longer there, and loses nothing. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { GuardedServer } from "../support/guarded-server.ts";
import { Lab } from "../support/lab.ts";
import { linesOf } from "../support/lines.ts";

/** Longer than any wait of a stop for a thing that hangs but the data plane. */
const PAUSE_S = 2.5;

/** A service manager that gives the daemon no processor for a while once it says that it stops. */
const MANAGER = `
import os, signal, socket, struct, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
s.bind("\\0manager")
print("listening", flush=True)
while True:
    text, [(_, _, credentials)], _, _ = s.recvmsg(4096, 64)
    if b"STOPPING=1" in text: break
pid = struct.unpack("3i", credentials)[0]
os.kill(pid, signal.SIGSTOP)
print("stopped", flush=True)
time.sleep(${PAUSE_S})
os.kill(pid, signal.SIGCONT)
`;

test("a stop is in order where the machine gives the daemon no processor for seconds", async () => {
  using lab = new Lab();
  await using server = new GuardedServer(
    lab,
    '[door.web]\nopens = ["8080/tcp"]\nusers = ["alice"]\nopen_for = "3s"\n',
    { users: ["alice"], as: ["env", "NOTIFY_SOCKET=@manager"] },
  );
  const said = linesOf(lab.start("server", ["python3", "-c", MANAGER]).stdout);
  expect((await said.next()).value).toBe("listening");
  await server.start();
  expect(await server.stop()).toBe(0);
  expect((await said.next()).value).toBe("stopped");
  expect(server.log).not.toContain("Did not wait");
  expect(existsSync(join(server.dir, "state", "clean-stop"))).toBe(true);
}, 60_000);
