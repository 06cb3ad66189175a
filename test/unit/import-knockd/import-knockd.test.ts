/**
 * Any knockd.conf: nothing is dropped, nothing is lost in quoting, and the result is a
 * configuration.
 */

import { describe, expect, test } from "bun:test";
import { parse } from "smol-toml";
import * as fc from "fast-check";
import { imported } from "./import.ts";
import { rounds } from "../../support/rounds.ts";

const word = fc.constantFrom(
  "iptables",
  "/sbin/iptables",
  "sudo",
  "ufw",
  "nft",
  "firewall-cmd",
  "logger",
  "-A",
  "INPUT",
  "-D",
  "-s",
  "%IP%",
  "-p",
  "tcp",
  "--dport",
  "22",
  "80,443",
  "-j",
  "ACCEPT",
  "allow",
  "from",
  "to",
  "any",
  "port",
  "&&",
  "||",
  ";",
  "|",
  "&",
  "'",
  '"',
  "\\",
  "$X",
  "${X}",
  "$(date)",
  "`",
  "(",
  ")",
  "{",
  "}",
  ">",
  "/dev/null",
  "#",
  "*",
  "X=1",
  "sleep",
  "5",
  "{door}",
  "ü\u0001",
  "add",
  "rule",
  "input",
  "accept",
);
const command = fc.oneof(
  fc.array(word, { maxLength: 12 }).map((words) => words.join(" ")),
  fc.array(word, { maxLength: 12 }).map((words) => words.join("")),
  fc.constantFrom(
    "/sbin/iptables -A INPUT -s %IP% -p tcp --dport 22 -j ACCEPT",
    "/sbin/iptables -D INPUT -s %IP% -p tcp --dport 22 -j ACCEPT",
    "ufw allow from %IP% to any port 443 proto tcp",
    "/usr/local/bin/lights on %IP%",
  ),
);
const setting = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(
        "command",
        "start_command",
        "start_command_6",
        "stop_command",
        "stop_command_6",
      ),
      command,
    )
    .map(([key, value]) => `${key} = ${value}`),
  fc
    .array(fc.integer({ min: 0, max: 65_536 }), { minLength: 1, maxLength: 5 })
    .map((ports) => `sequence = ${ports.join(",")}`),
  fc
    .tuple(
      fc.constantFrom("seq_timeout", "cmd_timeout", "seq_cooldown"),
      fc.integer({ min: -1, max: 10_000_000 }),
    )
    .map(([key, seconds]) => `${key} = ${seconds}`),
  fc.constantFrom(
    "tcpflags = syn",
    "tcpflags = fin,!syn",
    "target = 10.0.0.1",
    "one_time_sequences = /etc/x",
    "otp = 1",
    "usesyslog",
    "interface = a,b",
    "nonsense",
    "colour = red",
  ),
);
const file = fc
  .array(
    fc.tuple(
      fc.constantFrom(
        "[options]",
        "[openSSH]",
        "[closeSSH]",
        "[a]",
        "[ÄÖ ü\u0007]",
        "[]",
        "[x] # y",
      ),
      fc.array(setting, { maxLength: 8 }),
    ),
    { maxLength: 5 },
  )
  .map((sections) => sections.map(([header, lines]) => [header, ...lines].join("\n")).join("\n"));

describe("importKnockd()", () => {
  test("tells of every line once, whatever the file, and writes TOML without a placeholder of knockd's", () => {
    fc.assert(
      fc.property(file, (text) => {
        const { toml, lines, toDecide } = imported(text);
        expect(() => parse(toml)).not.toThrow();
        expect(toml).not.toContain("%IP%");
        const wanted = text
          .split("\n")
          .flatMap((line, i) => (/^\s*(#|$)/.test(line) ? [] : [i + 1]));
        expect(lines.map(({ line }) => line)).toEqual(wanted);
        // The reader's own words are all that is left to decide: no mistake of the writer's.
        for (const mistake of toDecide) {
          expect(mistake).toMatch(
            /^config\.toml:\d+: door(\.[a-z0-9-]+\.(sequence|close_sequence|max_grants|opens)| is missing)/,
          );
        }
      }),
      { numRuns: rounds(1_000) },
    );
  });

  test("leaves room for the grants of many doors, and names their ports in ranges", () => {
    const sections = Array.from(
      { length: 300 },
      (_, i) =>
        `[d${i}]\nsequence = ${3_000 + i},${4_000 + i},${3_500 + i}\ncommand = ufw allow ${100 + i}/tcp\n`,
    );
    const { toml, toDecide, lines, guarded } = imported(sections.join(""));
    expect(toDecide).toEqual([]);
    expect(toml.match(/^max_grants = 218$/gm)).toHaveLength(300);
    expect(lines[0]!.texts).toContain(
      "it is open to 218 addresses at a time, so that all doors have room (max_grants)",
    );
    expect(guarded).toEqual([{ proto: "tcp", from: 100, to: 399 }]);
  });

  test.each([
    ["openSSH", "ssh"],
    ["SSH open", "ssh"],
    ["opencloseHTTP_alt", "http-alt"],
    ["open", "open"],
    ["Tür für mich", "tur-fur-mich"],
    ["???", "door"],
    ["x".repeat(40), "x".repeat(20)],
    [`a-${"bc-".repeat(60)}`, `a-${"bc-".repeat(20)}b`],
  ])("calls the door of the section [%s] %s", (section, name) => {
    const { toml, toDecide } = imported(
      `[${section}]\nsequence = 1,9,5\ncommand = ufw allow 22/tcp\n`,
    );
    expect(toDecide).toEqual([]);
    expect(toml).toContain(`\n[door.${name}]\n`);
  });

  test("reads a section behind a byte order mark, which knockd refuses, and says so", () => {
    const { toml, lines } = imported("\ufeff[ssh]\nsequence = 1,9,5\ncommand = ufw allow 22/tcp\n");
    expect(toml).toContain("\n[door.ssh]\n");
    expect(lines[0]).toMatchObject({ line: 1, level: "not" });
    expect(lines[0]!.texts[0]).toContain("a byte order mark stands before it");
  });

  test.each([
    ["KNOCKD_OPTS=-i eth1", 'interfaces = ["eth1"]', /^interfaces = \["eth1"\]$/],
    ["KNOCKD_OPTS=-d -i eth1 # wire", 'interfaces = ["eth1"]', /interfaces = \["eth1"\]$/],
    [
      "KNOCKD_OPTS=-i 'eth1",
      'interfaces = ["eth0"]',
      /^a quote or a backslash in it has no end: look/,
    ],
    [
      "KNOCKD_OPTS=-i eth1 \\",
      'interfaces = ["eth0"]',
      /^a quote or a backslash in it has no end: look/,
    ],
    ['KNOCKD_OPTS="-i"', 'interfaces = ["eth0"]', /^knockd does not start .*: -i has no value$/],
  ])("reads the options of knockd's service: %s", (text, interfaces, told) => {
    const conf = "[options]\nInterface = eth0\n[a]\nsequence = 1,9,5\ncommand = ufw allow 22/tcp\n";
    const { toml, lines } = imported(conf, { defaults: { name: "defaults", text } });
    expect(toml).toContain(`\n${interfaces}\n`);
    expect(lines.find(({ file: of }) => of === "defaults")!.texts.join("; ")).toMatch(told);
  });

  test("takes any options of knockd's scripts", () => {
    const piece = fc.constantFrom(
      "KNOCKD_OPTS=",
      '"',
      "'",
      "-i",
      " eth1",
      "-d",
      "-c x",
      "\n",
      "#",
      "START_KNOCKD=1",
      "--interface=",
      "\\",
      "$X",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join("");
        const conf =
          "[options]\nInterface = eth0\n[a]\nsequence = 1,9,5\ncommand = ufw allow 22/tcp\n";
        const { toml, lines } = imported(conf, { defaults: { name: "defaults", text } });
        expect(() => parse(toml)).not.toThrow();
        const wanted = text
          .split("\n")
          .flatMap((line, i) => (/^\s*(#|$)/.test(line) ? [] : [i + 1]));
        expect(lines.flatMap(({ file: of, line }) => (of === "defaults" ? [line] : []))).toEqual(
          wanted,
        );
      }),
      { numRuns: rounds(500) },
    );
  });

  test("takes any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(() => parse(imported(bytes).toml)).not.toThrow();
      }),
      { numRuns: rounds(500) },
    );
  });
});
