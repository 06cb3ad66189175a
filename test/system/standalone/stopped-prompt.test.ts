/** The prompt for a link, stopped by ctrl-Z: the shell gets its terminal back as it was, and the client goes on. */

import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeBase32 } from "../../../src/rks/base32.ts";
import { EXECUTABLE } from "../../support/executable.ts";
import { run } from "../../support/programs.ts";
import { jobShell } from "../../support/job-shell.ts";
import { DASH, fileOf, type Knocker, knockWords, PYTHON } from "./knockers.ts";

setDefaultTimeout(60_000);

const KEY = encodeBase32(crypto.getRandomValues(new Uint8Array(32)));

/**
 * A shell with one job, on a terminal of its own. Types ctrl-Z at the prompt, continues the job, then types the link of
 * standard input: argv. Prints the state of the echo at each change, and then what the terminal showed.
 */
const SHELL = `${jobShell("sys.argv[1:]")}
    while True:
        _, status = os.waitpid(job, os.WUNTRACED)
        echo = "echo" if termios.tcgetattr(0)[3] & termios.ECHO else "none"
        ended = not os.WIFSTOPPED(status)
        os.write(tell, ("%s %s\\n" % ("ended %d" % status if ended else "stopped", echo)).encode())
        if ended: os._exit(0)
        os.tcsetpgrp(0, job)
        os.killpg(job, signal.SIGCONT)
link = sys.stdin.readline().encode()
os.close(tell)
os.close(terminal)
shown = b""
def until(count):
    global shown
    end = time.time() + 20
    # Asked, and hidden: what comes before would be shown.
    while time.time() < end and (shown.count(b"(not shown)") < count or termios.tcgetattr(master)[3] & termios.ECHO):
        if select.select([master], [], [], 0.02)[0]: shown += os.read(master, 4096)
until(1)
os.write(master, b"\\x1a")
until(2)
os.write(master, link.replace(b"\\n", b"\\r"))
report = os.read(told, 99)
while not report.count(b"ended"): report += os.read(told, 99)
try:
    while True: shown += os.read(master, 4096)
except OSError: pass
os.waitpid(leader, 0)
print(report.decode() + shown.decode())
`;

const SHELL_FILE = fileOf("sallyport-knock.sh");
const CLIENTS: readonly Knocker[] = [
  { name: "sallyport", self: "sallyport knock", argv: [EXECUTABLE, "knock"], sendsUdp: true },
  PYTHON,
  DASH,
  { ...DASH, name: "sallyport-knock.sh in bash", argv: ["bash", SHELL_FILE] },
  { ...DASH, name: "sallyport-knock.sh in busybox ash", argv: ["busybox", "ash", SHELL_FILE] },
];

test.each(CLIENTS)("$name gives the terminal back while it is stopped", (client) => {
  const home = mkdtempSync(join(tmpdir(), "sallyport-knock-"));
  try {
    const words = knockWords(client, home, "--save", "new");
    const input = `rks1://alice@gate.example/ssh?key=${KEY}\n`;
    const { out } = run(["python3", "-B", "-c", SHELL, ...words], { input });
    const [stopped, ended, ...shown] = out.split(/\r?\n/);
    expect([stopped, ended]).toEqual(["stopped echo", "ended 0 echo"]);
    expect(shown.join("\n")).not.toContain(KEY);
    expect(shown.filter((line) => line.includes("(not shown)"))).toHaveLength(2);
    expect(readFileSync(join(home, "config/sallyport/profiles/new"), "utf8")).toContain(KEY);
  } finally {
    rmSync(home, { recursive: true });
  }
});
