/** Settings as a whole: the shipped file, writing and reading back, the JSON Schema, warnings, the bound. */

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { boundOf, checkBound, formatBound } from "../../../src/keys/forgery-bound.ts";
import { formatSettings } from "../../support/format-settings.ts";
import { doorSchema } from "../../../src/config/door-keys.ts";
import { configJsonSchema } from "../../../src/config/json-schema.ts";
import type { DeviceKey } from "../../../src/keys/keys.ts";
import { parseSettings } from "../../../src/config/load.ts";
import { admits, formatUsers } from "../../../src/config/names.ts";
import {
  alarmSchema,
  apiSchema,
  guardSchema,
  knockSchema,
  runSchema,
  serverSchema,
} from "../../../src/config/schema.ts";
import { settingsWarnings } from "../../../src/config/warnings.ts";
import { keyWarnings } from "../../../src/keys/key-warnings.ts";
import { ExitCode, SallyportError } from "../../../src/core/errors.ts";
import { portsNeeded } from "../../../src/rks/bound.ts";
import { KeyTable } from "../../../src/rks/key-table.ts";
import { validToml } from "./valid-toml.ts";
import { rounds } from "../../support/rounds.ts";

const ROOT = join(import.meta.dir, "../../..");
const SHIPPED = readFileSync(join(ROOT, "config.toml"), "utf8");
/** Every option in a comment, uncommented. */
const WITH_EVERY_OPTION = SHIPPED.replaceAll(/^#(?=[a-z0-9_]+ = |\[)/gm, "");
const GOOD = `[door.ssh]\nopens = ["22/tcp"]\nusers = ["alice"]\n`;

function devices(count: number, user = "alice"): DeviceKey[] {
  return Array.from({ length: count }, (_, i) => ({
    user,
    device: `d${i}`,
    key: new Uint8Array(32).fill(i),
  }));
}

describe("config.toml as shipped", () => {
  test("loads, guards one spare port for one user, and warns of nothing", () => {
    const settings = parseSettings(SHIPPED);
    expect(settings.doors).toHaveLength(1);
    expect(settings.doors[0]).toMatchObject({
      opens: [{ proto: "tcp", from: 2222, to: 2222 }],
      users: ["me"],
    });
    expect(settings.server.stateDir).toBe("/var/lib/sallyport");
    expect(settings.api.listen).toEqual({ host: "127.0.0.1", port: 7878 });
    expect(settingsWarnings(settings)).toEqual([]);
  });

  test("loads with every option it shows, which are all there are", () => {
    const settings = parseSettings(WITH_EVERY_OPTION);
    expect(settings.doors.map(({ name }) => name)).toEqual(["ssh", "legacy"]);
    for (const schema of [
      serverSchema,
      knockSchema,
      doorSchema,
      guardSchema,
      apiSchema,
      alarmSchema,
      runSchema,
    ]) {
      for (const key of Object.keys(schema.entries)) {
        expect(WITH_EVERY_OPTION).toMatch(new RegExp(`(^|\\{ |, )${key} = `, "m"));
      }
    }
  });

  test("shows the defaults: with its options or without, the settings are the same", () => {
    const plain = parseSettings(SHIPPED);
    const { doors, alarm, ...rest } = parseSettings(WITH_EVERY_OPTION);
    expect([plain.alarm, alarm?.run[0]]).toEqual([undefined, "/usr/bin/logger"]);
    const { idleCloseMs, maxOpenMs, openAfterMs, run, ...door } = doors[0]!;
    expect(openAfterMs).toBe(86_400_000);
    expect({ idleCloseMs, maxOpenMs }).toEqual({ idleCloseMs: 600_000, maxOpenMs: 28_800_000 });
    expect(run?.open?.[0]).toBe("/usr/bin/logger");
    expect(door).toEqual(plain.doors[0]!);
    // A name and a host have no default that a file could show.
    const own = { name: undefined, host: undefined };
    expect({ ...rest, server: { ...rest.server, ...own } }).toEqual({
      ...plain,
      doors: undefined,
      server: { ...plain.server, ...own },
    } as never);
  });
});

test("docs/config.md explains every key", () => {
  const docs = readFileSync(join(ROOT, "docs/config.md"), "utf8");
  for (const schema of [serverSchema, knockSchema, doorSchema, guardSchema, apiSchema]) {
    for (const key of Object.keys(schema.entries)) expect(docs).toContain(`\n| \`${key}\` |`);
  }
});

test("formatSettings() writes what parseSettings() reads back equal", () => {
  fc.assert(
    fc.property(validToml, (toml) => {
      const settings = parseSettings(toml);
      expect(parseSettings(formatSettings(settings))).toEqual(settings);
    }),
    { numRuns: rounds(500) },
  );
});

describe("configJsonSchema()", () => {
  const schema = configJsonSchema() as {
    properties: Record<
      string,
      { properties?: Record<string, unknown>; additionalProperties: unknown }
    >;
  };

  test("describes what people write: text with patterns, defaults, no other keys", () => {
    expect(schema).toMatchObject({
      type: "object",
      required: ["door"],
      additionalProperties: false,
      properties: {
        knock: {
          additionalProperties: false,
          properties: {
            step: { type: "string", default: "30s" },
            ports: { type: "integer", minimum: 3, maximum: 16, default: 8 },
          },
        },
        door: {
          additionalProperties: {
            additionalProperties: false,
            properties: {
              opens: { type: "array", items: { type: "string" }, maxItems: 256 },
              prefix6: { enum: [64, 128] },
              uses: { enum: ["many", "one"] },
            },
          },
        },
      },
    });
  });

  test("knows every key, and its patterns accept what the shipped file shows", () => {
    const shown = [...WITH_EVERY_OPTION.matchAll(/^([a-z0-9_]+) = ("[^"]*")/gm)];
    expect(shown.length).toBeGreaterThan(10);
    const sections = [
      ...Object.values(schema.properties).map(({ properties }) => properties),
      (schema.properties["door"]!.additionalProperties as { properties: object }).properties,
    ] as Record<string, { pattern?: string; enum?: string[] }>[];
    for (const [, key = "", quoted = ""] of shown) {
      const accepts = sections.some((section) => {
        const field = section?.[key];
        const value = JSON.parse(quoted) as string;
        if (field?.enum) return field.enum.includes(value);
        return field?.pattern !== undefined && new RegExp(field.pattern).test(value);
      });
      expect({ key, quoted, accepts }).toEqual({ key, quoted, accepts: true });
    }
  });
});

describe("settingsWarnings()", () => {
  const rest = `[door.b]\nopens = ["23/tcp"]\nusers = ["bob"]\n`;
  const cases: [says: string, toml: string][] = [
    [
      "door.old.sequence is opened by one scan in random order with a chance of 1.0e-4: add knocks",
      '[door.old]\nopens = ["22/tcp"]\nsequence = ["7000", "7099", "7050"]\n',
    ],
    [
      "door.old.sequence is completed by one scan (ascending TCP), and weak = true allows it: anybody who scans this server opens it",
      '[door.old]\nopens = ["22/tcp"]\nsequence = ["7001", "7002", "7003"]\nweak = true\n',
    ],
    [
      "door.wake.sequence is one knock and no secret: anybody who connects to 25565/tcp, or scans it, runs its command",
      '[door.wake]\nsequence = ["25565"]\nrun = { open = ["/bin/true"] }\n',
    ],
    [
      "door.old.close_sequence is one knock: a scan, or one forged packet, ends what the door opened",
      '[door.old]\nopens = ["22/tcp"]\nsequence = ["7000", "19000", "8000"]\nclose_sequence = ["6000"]\n',
    ],
    [
      'door.ssh.open_for is 2d: living connections need no grant, so "30s" does',
      `${GOOD}open_for = "48h"\n`,
    ],
    [
      "door.old.open_for is 2d, and anybody who saw the knock once can repeat it: shorten it",
      '[door.old]\nopens = ["22/tcp"]\nsequence = ["7000", "9000", "8000"]\nopen_for = "2d"\n',
    ],
    ["door.ssh.prefix6 is 64: a knock lets in a whole IPv6 network", `${GOOD}prefix6 = 64\n`],
    [
      "door.web.opens holds 30000/tcp inside 20000-52767, where door.web is knocked",
      '[door.web]\nopens = ["30000/tcp"]\nusers = ["alice"]\n',
    ],
    [
      "guard.always_allow holds 203.0.0.0/12: everybody there",
      `[guard]\nalways_allow = ["10.0.0.0/8", "203.0.0.0/12"]\n${GOOD}`,
    ],
    [
      "guard.always_allow holds 2a00::/24: everybody there",
      `[guard]\nalways_allow = ["fd00::/8", "2a00::/24"]\n${GOOD}`,
    ],
    ["knock.skew is 0: a knock fails", `[knock]\nskew = 0\n${GOOD}`],
    [
      'api.listen is "0.0.0.0:7878": others can read health and metrics',
      `[api]\nlisten = "0.0.0.0:7878"\n${GOOD}`,
    ],
    ['api.listen is "[::]:7878": others can read', `[api]\nlisten = "[::]:7878"\n${GOOD}`],
    [
      "door.b.opens holds 23/tcp, which door.range opens too: the port stays open to an address until its last grant has ended",
      `[door.range]\nopens = ["20-25/tcp"]\nusers = ["alice"]\n`,
    ],
  ];
  test.each(cases)("says %s", (says, toml) => {
    const warnings = settingsWarnings(parseSettings(toml + rest));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toStartWith(says);
  });

  test("says nothing of an API that listens on a mapped loopback address", () => {
    const toml = `[api]\nlisten = "[::ffff:127.0.0.1]:7878"\n${GOOD}`;
    expect(settingsWarnings(parseSettings(toml))).toEqual([]);
  });

  test("says nothing of networks of one's own and of doors that only run commands", () => {
    const toml =
      `[guard]\nalways_allow = ["10.0.0.0/8", "192.168.0.0/16", "fc00::/7", "fe80::/10", "203.0.113.0/24", "2001:db8::/32"]\n` +
      `[api]\nlisten = "[::1]:7878"\n` +
      `[door.lights]\nusers = ["alice"]\nopen_for = "7d"\nrun = { open = ["/bin/true"] }\n`;
    expect(settingsWarnings(parseSettings(toml))).toEqual([]);
  });
});

test("keyWarnings() tells users without keys and keys without doors", () => {
  expect(keyWarnings(parseSettings(GOOD), devices(1, "carol"))).toEqual([
    'alice has no key: run "sallyport user add alice"',
    `carol has a key and no door names them: add "carol" to a door's users`,
  ]);
  expect(keyWarnings(parseSettings(GOOD), devices(2))).toEqual([]);
});

describe('users = ["*"]', () => {
  const everybody = parseSettings(GOOD.replace('"alice"', '"*"'));

  test("is a door of everybody who has a key, and leaves no key without a door", () => {
    const [door] = everybody.doors;
    expect([admits(door!.users, "alice"), admits(door!.users, "zoe")]).toEqual([true, true]);
    expect(formatUsers(door!.users)).toBe("everybody with a key");
    expect(keyWarnings(everybody, devices(1, "carol"))).toEqual([]);
    expect(keyWarnings(everybody, [])).toEqual([]);
  });

  test("counts every key in the bound, as a list or as a table", () => {
    const keys = [...devices(3), ...devices(2, "bob")];
    for (const given of [keys, KeyTable.from(keys)]) {
      expect(boundOf(everybody, given).doors.map((door) => door.devices)).toEqual([5]);
      expect(boundOf(parseSettings(GOOD), given).doors.map((door) => door.devices)).toEqual([3]);
    }
  });

  test("demands the ports of so many: 8 up to some 95,000 devices, then 9", () => {
    const needed = (count: number) => {
      const space = everybody.doors[0]!.space;
      return portsNeeded([{ door: "ssh", devices: count, space }]);
    };
    expect([needed(90_000), needed(100_000), needed(30_000_000)]).toEqual([8, 9, 9]);
  });
});

describe("checkBound()", () => {
  test("counts the devices of each door's users", () => {
    const toml = `${GOOD}[door.b]\nopens = ["23/tcp"]\nusers = ["alice", "bob"]\n`;
    const bound = checkBound(parseSettings(toml), [
      ...devices(3),
      ...devices(2, "bob"),
      ...devices(9, "carol"),
    ]);
    expect(bound.doors.map((door) => door.devices)).toEqual([3, 5]);
    // RKS1: 3.5e-12 for each valid sequence, three of them a device.
    expect(bound.perDay).toBeCloseTo(8 * 3 * 3.5e-12, 12);
  });

  test("puts it in a sentence", () => {
    expect(formatBound(boundOf(parseSettings(`[knock]\nskew = 0\n${GOOD}`), devices(1)))).toBe(
      "chance that a day of 1,000,000 forged packets a second opens any door: 3.5e-12",
    );
  });

  test("refuses doors that can be forged, naming the ports that would do, which then do", () => {
    const weak = (ports: number) =>
      parseSettings(`[knock]\nrange = "20000-29999"\nports = ${ports}\n${GOOD}`);
    const needed = boundOf(weak(4), devices(10)).portsNeeded!;
    try {
      checkBound(weak(4), devices(10));
      throw new Error("was accepted");
    } catch (error) {
      expect(error).toBeInstanceOf(SallyportError);
      expect((error as SallyportError).exitCode).toBe(ExitCode.config);
      expect((error as SallyportError).message).toMatch(
        new RegExp(
          `^Cannot guard the doors: the chance that .* opens any door: \\d\\.\\de[+-]\\d+, above 1\\.0e-6: write ports = ${needed} in \\[knock\\] and in every door that has fewer$`,
        ),
      );
    }
    expect(() => checkBound(weak(needed - 1), devices(10))).toThrow();
    expect(checkBound(weak(needed), devices(10)).perDay).toBeLessThanOrEqual(1e-6);
  });

  test("says what else to change where no number of ports would do", () => {
    const hopeless = parseSettings(`[knock]\nrange = "20000-20999"\nslack = 1024\n${GOOD}`);
    expect(() => checkBound(hopeless, devices(1))).toThrow(
      "widen knock.range, or lower knock.slack",
    );
  });
});
