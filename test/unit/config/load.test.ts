/**
 * Loading config.toml: which files are refused with which words, which are accepted, and secrets
 * that no message may contain.
 */

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { loadSettings, parseSettings } from "../../../src/config/load.ts";
import { ExitCode, SallyportError } from "../../../src/core/errors.ts";
import { rounds } from "../../support/rounds.ts";

interface BrokenConfig {
  readonly toml: string;
  readonly says: readonly string[];
}

const BROKEN: BrokenConfig[] = readFileSync(join(import.meta.dir, "broken-configs.txt"), "utf8")
  .split(/^----\n/m)
  .slice(1)
  .map((block) => {
    const lines = block.split(/(?<=\n)/);
    return {
      toml: lines.filter((line) => !line.startsWith("=> ")).join(""),
      says: lines.filter((line) => line.startsWith("=> ")).map((line) => line.slice(3).trimEnd()),
    };
  });

/** The lines after the first of the error for a refused text. */
function saidOf(toml: string): string[] {
  try {
    parseSettings(toml);
  } catch (error) {
    expect(error).toBeInstanceOf(SallyportError);
    expect((error as SallyportError).exitCode).toBe(ExitCode.config);
    return (error as SallyportError).message.split("\n").slice(1);
  }
  throw new Error(`was accepted:\n${toml}`);
}

const GOOD = `[door.ssh]\nopens = ["22/tcp"]\nusers = ["alice"]\n`;

describe("parseSettings() refuses", () => {
  test("a hundred broken configurations and more, each by line, path, reason and remedy", () => {
    expect(BROKEN.length).toBeGreaterThan(150);
    for (const { toml, says } of BROKEN) {
      expect({ toml, says: saidOf(toml) }).toEqual({
        toml,
        says: says.map((line) => `config.toml:${line}`),
      });
    }
  });

  test("the same ones under CRLF line ends, with the same words", () => {
    for (const { toml, says } of BROKEN) {
      // A string that is left open then ends at another character, and TOML says so.
      if (says.some((line) => line.includes("TOML is broken")) || toml.includes('"""')) continue;
      expect(saidOf(toml.replaceAll("\n", "\r\n"))).toEqual(
        says.map((line) => `config.toml:${line}`),
      );
    }
  });

  test("the same ones behind other lines, with line numbers that much higher", () => {
    const before = '# a comment\n\n[api]\nsocket = "/run/s.sock"\n\n';
    for (const { toml, says } of BROKEN) {
      // Keys before the first table would fall into [api].
      if (!toml.startsWith("[") || toml.includes("[api]")) continue;
      if (says.some((line) => line.includes("door is missing"))) continue;
      expect(saidOf(before + toml)).toEqual(
        says.map((line) => `config.toml:${line.replace(/^\d+/, (n) => String(Number(n) + 5))}`),
      );
    }
  });

  test("more mistakes than fit, telling how many there are", () => {
    const said = saidOf(`${GOOD}${Array.from({ length: 80 }, (_, i) => `x${i} = 1\n`).join("")}`);
    expect(said).toHaveLength(51);
    expect(said[50]).toBe("(and 30 more)");
  });

  test.each([
    [
      "[options]\n\tUseSyslog\n\n[openSSH]\n\tsequence    = 7000,8000,9000\n\tseq_timeout = 5\n\ttcpflags = syn\n",
    ],
    [
      "[opencloseSSH]\n sequence = 2222:udp,3333:tcp\n start_command = /sbin/iptables -A INPUT -s %IP% -j ACCEPT\n",
    ],
  ])("a knockd.conf by its name: %j", (text) => {
    expect(() => parseSettings(text, "/etc/knockd.conf")).toThrow(
      'Cannot load /etc/knockd.conf: it is a knockd.conf, and not TOML: run "sallyport import knockd"',
    );
  });

  test("a file by the name it was given, and one mistake as one", () => {
    expect(() => parseSettings(`${GOOD}uses = 2\n`, "/etc/x.toml")).toThrow(
      'Cannot load /etc/x.toml: one mistake\n/etc/x.toml:4: door.ssh.uses is 2: write "many" or "one"',
    );
  });
});

test("parseSettings() lets doors share the beginning of their sequences", () => {
  const door = (name: string, last: number) =>
    `[door.${name}]\nopens = ["${last - 8000}/tcp"]\nsequence = ["7000", "8000", "${last}"]\n`;
  expect(parseSettings(door("a", 9000) + door("b", 9500)).doors).toHaveLength(2);
});

test("parseSettings() lets one knock close two doors", () => {
  const door = (name: string, first: number) =>
    `[door.${name}]\nopens = ["${first - 4000}/tcp"]\nsequence = ["${first}", "${first + 1000}", "${first + 500}"]\nclose_sequence = ["20000", "30000", "25000"]\n`;
  expect(parseSettings(door("a", 5000) + door("b", 7000)).doors).toHaveLength(2);
});

test("parseSettings() takes a door's own terms before those of [knock]", () => {
  const { doors } = parseSettings(
    `[knock]\nrange = "30000-39999"\nports = 9\nstep = "60s"\nwindow = "20s"\nskew = 2\nslack = 10\n${GOOD}` +
      `[door.own]\nopens = ["23/tcp"]\nusers = ["bob"]\nrange = "1000-9999"\nports = 10\nstep = "20s"\nproto = "udp"\n`,
  );
  const shared = { windowSeconds: 20, skew: 2, slack: 10 };
  expect(doors.map(({ space }) => space)).toEqual([
    { proto: "tcp", lo: 30_000, hi: 39_999, ports: 9, stepSeconds: 60, ...shared },
    { proto: "udp", lo: 1_000, hi: 9_999, ports: 10, stepSeconds: 20, ...shared },
  ]);
});

test("parseSettings() caps idle_close at 8 hours unless the file says otherwise", () => {
  const capOf = (lines: string) => parseSettings(GOOD + lines).doors[0]?.maxOpenMs;
  expect(capOf("")).toBeUndefined();
  expect(capOf('idle_close = "10m"\n')).toBe(8 * 3_600_000);
  expect(capOf('idle_close = "10m"\nmax_open = "1h"\n')).toBe(3_600_000);
  expect(capOf('idle_close = "24h"\n')).toBe(24 * 3_600_000);
});

describe("a secret in the wrong place is never repeated:", () => {
  const CANARY = "QZ7CANARYQZ7CANARYQZ7CANARYQZ7CANARYQZ7CANARYQZ7CANA";

  test.each([CANARY, CANARY.toLowerCase()])("%s for any value or name of any of them", (canary) => {
    for (const { toml } of BROKEN) {
      const strings = [...toml.matchAll(/"[^"\n]*"|\b[a-z_]+(?= =)|(?<=\[door\.)[a-z]+/g)];
      for (const found of strings) {
        const secret = found[0].startsWith('"') ? `"${canary}"` : canary;
        const spoilt =
          toml.slice(0, found.index) + secret + toml.slice(found.index + found[0].length);
        try {
          parseSettings(spoilt);
        } catch (error) {
          expect((error as Error).message.toUpperCase()).not.toContain("CANARY");
          expect((error as Error).stack?.toUpperCase()).not.toContain("CANARY");
          expect((error as Error).cause).toBeUndefined();
        }
      }
    }
  });

  test("nor behind a key that is called like one, however short it is", () => {
    for (const key of ["key", "secret", "psk", "password", "my-token", "HMAC_KEY", "master"]) {
      const said = saidOf(`${GOOD}${key} = "hunter2"\n`);
      expect(said).toHaveLength(1);
      expect(said[0]).toStartWith(`config.toml:4: door.ssh.${key} looks like a secret`);
      expect(said[0]).not.toContain("hunter2");
    }
  });

  test("nor in a line that is no TOML", () => {
    for (const line of [`key = ${CANARY}`, `key = "${CANARY}`, `"${CANARY}" "`, CANARY]) {
      expect(saidOf(`${GOOD}${line}\n`).join()).not.toContain("CANARY");
    }
  });
});

describe("loadSettings()", () => {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-config-"));
  const file = join(folder, "config.toml");
  const saidOfFile = (content: string | Uint8Array) => {
    writeFileSync(file, content);
    return () => loadSettings(file);
  };
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("reads a file", () => {
    writeFileSync(file, GOOD);
    expect(loadSettings(file)).toEqual(parseSettings(GOOD));
  });

  test("names a file that is not there, is no file, is too large or is no text, and the way out", () => {
    expect(() => loadSettings(join(folder, "none.toml"))).toThrow(
      `Cannot load ${folder}/none.toml: it does not exist: write it, or name another with --config`,
    );
    expect(() => loadSettings(folder)).toThrow("it is not a regular file");
    expect(saidOfFile("#".repeat(300_000))).toThrow("it has 300000 bytes");
    expect(saidOfFile(new Uint8Array([0x23, 0xff, 0x0a]))).toThrow("it is not UTF-8");
  });
});

test("parseSettings() answers any text with settings or a SallyportError", () => {
  const seeds = BROKEN.map(({ toml }) => toml).concat(
    readFileSync(join(import.meta.dir, "../../../config.toml"), "utf8"),
  );
  const edit = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    cut: fc.nat({ max: 12 }),
    put: fc.oneof(
      fc.string({ unit: "binary", maxLength: 4 }),
      fc.constantFrom(
        "[",
        "]",
        "{",
        "}",
        '"',
        "=",
        "\n",
        ".",
        "0",
        "-1",
        '"""',
        "[[door]]\n",
        "inf",
      ),
      fc.constantFrom(
        "__proto__",
        "constructor",
        "toString",
        "length",
        "1e400",
        "9007199254740993",
      ),
    ),
  });
  fc.assert(
    fc.property(fc.constantFrom(...seeds), fc.array(edit, { maxLength: 8 }), (seed, edits) => {
      let toml = seed;
      for (const { at, cut, put } of edits) {
        const from = Math.floor(at * toml.length);
        toml = toml.slice(0, from) + put + toml.slice(from + cut);
      }
      try {
        parseSettings(toml);
      } catch (error) {
        expect(error).toBeInstanceOf(SallyportError);
        for (const line of (error as Error).message.split("\n").slice(1)) {
          expect(line).toMatch(/^(config\.toml:\d+: .*: .*|\(and \d+ more\))$/su);
        }
      }
    }),
    { numRuns: rounds(2_000) },
  );
});
