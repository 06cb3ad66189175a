/** The reader compared with knockd itself: the files it refuses, and its reading of every key. */

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { atoi } from "../../../src/import-knockd/numbers.ts";
import { type KnockdDoor, knockdStarts, readKnockd } from "../../../src/import-knockd/read-file.ts";
import { spawnSync } from "../../support/programs.ts";

const folder = mkdtempSync(join(tmpdir(), "sallyport-knockd-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const GOLDEN = join(import.meta.dir, "../../golden/knockd");

/** Doors as `knockd -D` prints them while it reads a file: each key's last value. */
interface Read {
  readonly starts: boolean;
  readonly doors: Record<string, string>[];
}

/** Has knockd read a file. Without an interface of that name it ends right after, and needs no root. */
function askKnockd(text: string): Read {
  const file = join(folder, "knockd.conf");
  writeFileSync(file, text);
  const done = spawnSync(["knockd", "-i", "nosuch0", "-D", "-c", file], { timeout: 10_000 });
  const said = `${done.stdout.toString()}\n${done.stderr.toString()}`;
  const doors: Record<string, string>[] = [];
  for (const line of said.split("\n")) {
    const [, section] = /^config: new section: '([^]*)'$/.exec(line) ?? [];
    if (section !== undefined && section !== "options") doors.push({ name: section });
    const door = doors.at(-1);
    const [, key = "", value = ""] =
      /^config: (?:.*): (target|sequence|seq_timeout|start_command|start_command_6|cmd_timeout|stop_command|stop_command_6): (.*)$/.exec(
        line,
      ) ?? [];
    if (door !== undefined && key !== "") door[key] = value;
    const [, flag] = /^config: tcp flag: (!?[A-Z]+)$/.exec(line) ?? [];
    if (door !== undefined && flag !== undefined)
      door[flag.replace("!", "")] = String(!flag.startsWith("!"));
  }
  return { starts: said.includes("could not open nosuch0"), doors };
}

function ours({ name, texts, sequence, flags }: KnockdDoor): Record<string, string> {
  const read = sequence?.value.kind === "read" ? sequence.value.entries : undefined;
  const time = (value: string | undefined) =>
    value === undefined ? undefined : String(atoi(value).value);
  const all = {
    name,
    target: texts.TARGET?.value,
    sequence: read?.map(({ knock: { port, proto } }) => `${port}:${proto}`).join(","),
    seq_timeout: time(texts.SEQ_TIMEOUT?.value),
    start_command: texts.START_COMMAND?.value,
    start_command_6: texts.START_COMMAND_6?.value,
    cmd_timeout: time(texts.CMD_TIMEOUT?.value),
    stop_command: texts.STOP_COMMAND?.value,
    stop_command_6: texts.STOP_COMMAND_6?.value,
    ...Object.fromEntries(Object.entries(flags.value).map(([flag, set]) => [flag, String(set)])),
  };
  return Object.fromEntries(
    Object.entries(all).flatMap(([name_, one]) => (one === undefined ? [] : [[name_, one]])),
  );
}

/** Both readers' verdict on a text. */
function bothOf(text: string): { knockd: Read; here: Read } {
  const file = readKnockd(Buffer.from(text));
  const here = { starts: knockdStarts(file), doors: file.doors.map(ours) };
  const knockd = askKnockd(text);
  // Its reading of a sequence with port 0 cannot be compared.
  for (const [i, door] of file.doors.entries()) {
    if (door.sequence?.value.kind !== "read") delete knockd.doors[i]?.["sequence"];
  }
  return { knockd, here };
}

const blanks = fc.constantFrom("", "", " ", "\t", "  \t ");
const key = fc.constantFrom(
  "sequence",
  "Sequence",
  "SEQ_TIMEOUT",
  "timeout",
  "TCPFlags",
  "target",
  "command",
  "Start_Command",
  "start_command_6",
  "command_6",
  "cmd_timeout",
  "stop_command",
  "stop_command_6",
  "colour",
);
const port = fc.oneof(
  fc.integer({ min: -3, max: 65_540 }).map(String),
  fc.constantFrom("0x10", "ssh", "", "1000-2000", "+7", "007000", "99999999999", "-70000", "8 8"),
);
const entry = fc
  .tuple(
    blanks,
    port,
    blanks,
    fc.constantFrom("", "", ":tcp", ":UDP", ": udp ", ":", ":icmp", ":tcp:x"),
  )
  .map((parts) => parts.join(""));
const value = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.array(entry, { minLength: 1, maxLength: 4 }).map((all) => all.join(",")),
  },
  fc
    .array(fc.constantFrom("syn", "!ack", "FIN", "rst", "psh", "urg", "ece", " syn", "!!syn", ""), {
      maxLength: 3,
    })
    .map((all) => all.join(",")),
  fc.constantFrom(
    "5",
    "5s",
    "",
    "0",
    "-1",
    "abc",
    "12 # seconds",
    "/bin/echo %IP% = x # y",
    "a;b",
    "10.0.0.1",
  ),
);
const setting = fc
  .tuple(
    blanks,
    key,
    blanks,
    fc.constantFrom("=", "=", "=", "==", ""),
    blanks,
    value,
    blanks,
    fc.constantFrom("\n", "\n", "\r\n"),
  )
  .map((parts) => parts.join(""));
/** Lines that any knockd takes: without them nearly every text would be refused at once. */
const good = fc.constantFrom(
  "sequence = 7000,8000:udp,9000\n",
  "  SEQUENCE=1,2\r\n",
  "seq_timeout = 7\n",
  "tcpflags = syn,!ack\n",
  "command = /bin/true\n",
  "\n",
  "  # a comment\n",
  "usesyslog\n",
);
const section = fc.constantFrom(
  "[a]\n",
  "[open SSH]\r\n",
  " [ b ] \n",
  "[a]\n",
  "[options]\n",
  "[Options]\n",
  "[]\n",
  "[a] # b\n",
  "[a\n",
);
const goodSection = fc.constantFrom(
  "[a]\nsequence=1\n",
  "[open SSH]\r\nsequence=5:udp\n",
  " [ b ] \nsequence=2\n",
);
const text = fc
  .array(
    fc.oneof(
      { weight: 10, arbitrary: good },
      { weight: 5, arbitrary: goodSection },
      { weight: 2, arbitrary: setting },
      section,
    ),
    {
      minLength: 1,
      maxLength: 9,
    },
  )
  .map((lines) => `[first]\n${lines.join("")}`);

describe("readKnockd()", () => {
  test("refuses what knockd refuses, and reads what it reads, of 150 odd files", () => {
    let started = 0;
    fc.assert(
      fc.property(text, (written) => {
        const { knockd, here } = bothOf(written);
        expect({ written, starts: here.starts }).toEqual({ written, starts: knockd.starts });
        if (!knockd.starts) return;
        started++;
        expect({ written, doors: here.doors }).toEqual({ written, doors: knockd.doors });
      }),
      { numRuns: 150 },
    );
    expect(started).toBeGreaterThan(15);
  });

  test.each([
    ["a line longer than its buffer", `[a]\nsequence=1,2\ncommand = ${"x".repeat(5_000)}\n`],
    [
      "a long line whose rest is a line of its own",
      `[a]\nsequence=1\n${" ".repeat(4_095)}seq_timeout=3\n`,
    ],
    ["a long comment whose rest is a line of its own", `#${"x".repeat(4_094)}[a]\nsequence=1\n`],
    ["a byte order mark", "\ufeff[a]\nsequence=1\n"],
    ["no newline at its end", "[a]\nsequence=1,2"],
    ["nothing", ""],
    ["[options] alone", "[options]\nUseSyslog\n"],
    ["32 knocks", `[a]\nsequence=${"7,".repeat(31)}7\n`],
    ["33 knocks", `[a]\nsequence=${"7,".repeat(32)}7\n`],
  ])("agrees with knockd on %s", (_, written) => {
    const { knockd, here } = bothOf(written);
    expect(here.starts).toBe(knockd.starts);
    if (knockd.starts) expect(here.doors).toEqual(knockd.doors);
  });

  test.each(readdirSync(GOLDEN).filter((name) => name.endsWith(".conf")))(
    "agrees with knockd on %s",
    (name) => {
      // Files of other machines are left alone, and are not there.
      const written = readFileSync(join(GOLDEN, name), "latin1")
        .replaceAll(/^(\s*(?:log|pid)file\s*=).*$/gim, "$1/dev/null")
        .replaceAll(/^\s*one_time_sequences.*$/gim, "sequence = 1,2");
      const { knockd, here } = bothOf(written);
      expect(here.starts).toBe(knockd.starts);
      if (knockd.starts) expect(here.doors).toEqual(knockd.doors);
    },
  );
});
