/**
 * Any knockd.conf: nothing is dropped, nothing is lost in quoting, and the result is a
 * configuration.
 */

import { describe, expect, test } from "bun:test";
import { parse } from "smol-toml";
import * as fc from "fast-check";
import { imported } from "./import.ts";

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
      { numRuns: 3_000 },
    );
  });

  test("takes any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(() => parse(imported(bytes).toml)).not.toThrow();
      }),
      { numRuns: 500 },
    );
  });
});
