/** Ctrl-C, or another signal that ends a program: every client ends as one that the signal ended, in peace, and its terminal works. */

import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { encodeBase32 } from "../../../src/rks/base32.ts";
import { EXECUTABLE } from "../../support/executable.ts";
import { Lab } from "../../support/lab.ts";
import { jobShell } from "../../support/job-shell.ts";
import { DASH, fileOf, type Knocker, knockWords, POWERSHELL, PYTHON } from "./knockers.ts";

setDefaultTimeout(60_000);

const KEY = encodeBase32(crypto.getRandomValues(new Uint8Array(32)));

/**
 * A shell with one job, on a terminal of its own: argv after what the job shows and the name of a key or the number of a signal. Types
 * the key, again where nothing comes of it, or sends the signal to the job, once that is shown. Prints, a line each, how the job ended as a shell has it in $?,
 * and whether the terminal shows what is typed and marks no pastes; and then what it showed.
 */
const SHELL = `${jobShell("sys.argv[3:]")}
    os.write(tell, b"%d\\n" % job)
    _, status = os.waitpid(job, 0)
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
    echo = "echo" if termios.tcgetattr(0)[3] & termios.ECHO else "none"
    os.write(tell, ("%d %s\\n" % (code, echo)).encode())
    os._exit(0)
wanted, how = sys.argv[1].encode(), sys.argv[2]
os.close(tell)
os.close(terminal)
job = int(os.read(told, 99))
shown = b""
end = time.time() + 30
while time.time() < end and (wanted not in shown or b"(not shown)" in wanted and termios.tcgetattr(master)[3] & termios.ECHO):
    if select.select([master], [], [], 0.02)[0]: shown += os.read(master, 4096)
keys = {"Ctrl-C": b"\\x03", "Ctrl-D": b"\\x04"}
if how not in keys: os.kill(job, int(how))
# A shell may miss a key that comes in the moment before it reads, and people type it again.
while not select.select([told], [], [], 0)[0]:
    if how in keys: os.write(master, keys[how])
    select.select([told], [], [], 2)
report = os.read(told, 99)
try:
    while True: shown += os.read(master, 4096)
except OSError: pass
os.waitpid(leader, 0)
print(report.decode().strip(), "marks" if shown.count(b"[?2004h") != shown.count(b"[?2004l") else "plain")
print(shown.decode())
`;

const SHELL_FILE = fileOf("sallyport-knock.sh");
const SALLYPORT: Knocker = {
  name: "sallyport",
  self: "sallyport knock",
  argv: [EXECUTABLE, "knock"],
  sendsUdp: true,
};
const CLIENTS: readonly Knocker[] = [
  SALLYPORT,
  PYTHON,
  DASH,
  { ...DASH, name: "sallyport-knock.sh in bash", argv: ["bash", SHELL_FILE] },
  { ...DASH, name: "sallyport-knock.sh in busybox ash", argv: ["busybox", "ash", SHELL_FILE] },
];
const SIGINT = "2";
const SIGTERM = "15";

let lab: Lab;
let home: string;

beforeAll(() => {
  lab = new Lab();
  // Nobody answers, so that a client waits.
  lab.run("server", ["nft", "-f", "-"], {
    input:
      "table ip silent { chain in { type filter hook input priority 0; meta l4proto tcp drop; }; }",
  });
});
afterAll(() => lab?.[Symbol.dispose]());
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "sallyport-interrupt-"));
});
afterEach(() => rmSync(home, { recursive: true }));

/** The state that the client and its terminal end in, and the lines shown after `wanted`. */
function end(words: readonly string[], wanted: string, how: string) {
  const { out } = lab.run("client", ["python3", "-B", "-c", SHELL, wanted, how, ...words]);
  const [state = "", ...shown] = out.split(/\r?\n/);
  const text = shown.join("\n");
  const rest = text
    .slice(text.indexOf(wanted) + wanted.length)
    .replaceAll("\u001b[?2004h", "")
    .replaceAll("\u001b[?2004l", "")
    .replaceAll("^C", "");
  return { state, rest: rest.trim().split("\n") };
}

test.each(
  CLIENTS.flatMap((client) =>
    [
      ["Ctrl-C", 130],
      [SIGINT, 130],
      [SIGTERM, 143],
    ].map(([how, code]) => [client.name, how, code, client] as const),
  ),
)("%s at the prompt for a link, ended by %s: %d", (_, how, code, client) => {
  const done = end(knockWords(client, home, "--save", "new"), "(not shown):", String(how));
  expect(done.state).toBe(`${code} echo plain`);
  expect(done.rest).toEqual([
    how === "Ctrl-C" && client === SALLYPORT
      ? "sallyport: Cannot read the profile link: interrupted: nothing was changed"
      : "",
  ]);
  expect(existsSync(join(home, "config"))).toBe(false);
});

test.each(CLIENTS.map((client) => [client.name, client] as const))(
  "%s at the prompt for a link, left by Ctrl-D, says what it lacks",
  (_, client) => {
    const done = end(knockWords(client, home, "--save", "new"), "(not shown):", "Ctrl-D");
    expect(done.state).toBe("64 echo plain");
    expect(done.rest).toEqual([
      `${client.self.split(" ")[0]}: Cannot read the profile link: standard input is empty: paste the link, or pipe it in`,
    ]);
  },
);

test.each(
  [...CLIENTS, POWERSHELL].flatMap((client) => [
    [client.name, "Ctrl-C", 130, client] as const,
    [client.name, SIGTERM, 143, client] as const,
  ]),
)("%s while it waits for an answer, ended by %s: %d", (_, how, code, client) => {
  const path = join(home, "config/sallyport/profiles/home");
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, `rks1://alice@10.77.0.1/ssh?key=${KEY}&opens=22/tcp\n`, { mode: 0o600 });
  const words = knockWords(client, home, "-v", "--timeout", "30s", "home");
  const done = end(words, "knock 1 sent to 10.77.0.1", how);
  expect(done).toEqual({ state: `${code} echo plain`, rest: [""] });
});

test("a question of sallyport that is left by Ctrl-C changes nothing, and says so", () => {
  const config = join(home, "config.toml");
  const init = ["init", "--no-start", "--guard", "22222/tcp", "--user", "alice", "--host", "h"];
  const done = end([EXECUTABLE, ...init, "--config", config], "Go on? [Y/n]", "Ctrl-C");
  expect(done.state).toBe("130 echo plain");
  expect(done.rest.at(-1)).toBe("sallyport: Nothing was changed");
  expect(existsSync(config)).toBe(false);
});
