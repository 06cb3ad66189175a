/**
 * The daemon under systemd: its lines for the journal, and its last words when the watchdog ends
 * it.
 */

import { expect, test } from "bun:test";
import { EXECUTABLE } from "../support/executable.ts";
import { GuardedServer } from "../support/guarded-server.ts";
import { Lab } from "../support/lab.ts";

/** Starts the daemon with a socket like the journal's, prints its pid, and then all its output. */
const JOURNAL = `
import os, socket, sys
ours, theirs = socket.socketpair()
pid = os.fork()
if pid == 0:
    s = os.fstat(theirs.fileno())
    os.environ.update(JOURNAL_STREAM=f"{s.st_dev}:{s.st_ino}", NOTIFY_SOCKET="@nobody", WATCHDOG_USEC="20000000")
    os.dup2(theirs.fileno(), 1); os.dup2(theirs.fileno(), 2)
    os.execv(sys.argv[1], sys.argv[1:])
theirs.close()
print(pid, flush=True)
while data := ours.recv(65536): sys.stdout.buffer.write(data); sys.stdout.flush()
print("code", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
`;

test("serve writes priorities instead of times to the journal, and says that the watchdog ended it", async () => {
  using lab = new Lab();
  await using server = new GuardedServer(
    lab,
    `[door.web]\nopens = ["8080/tcp"]\nusers = ["alice"]\n[guard]\ndeny = "reset"\n`,
    { users: ["alice"] },
  );
  const serve = [EXECUTABLE, "serve", "--config", server.config];
  const child = lab.start("server", ["python3", "-c", JOURNAL, ...serve]);
  let said = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    said += decoder.decode(chunk, { stream: true });
    if (/Started in/.test(said) && !/watchdog/.test(said)) {
      process.kill(Number(/^\d+/.exec(said)![0]), "SIGQUIT");
    }
  }
  const lines = said.trim().split("\n").slice(1, -1);
  expect(lines.filter((line) => !/^<[346]>\S/.test(line))).toEqual([]);
  expect(lines.filter((line) => /\d{4}-\d\d-\d\dT| info /.test(line))).toEqual([]);
  expect(lines).toContainEqual(expect.stringMatching(/^<6>Started in \d+ ms$/));
  expect(lines.at(-1)).toStartWith("<3>The thread that hears knocks does not answer any more");
  expect(said.trim().split("\n").at(-1)).toBe("code 1");
}, 30_000);
