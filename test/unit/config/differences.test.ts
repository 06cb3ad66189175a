/** The people whom a new configuration cuts off, and for which of them it must ask. */

import { describe, expect, test } from "bun:test";
import {
  dangerOf,
  describeDifferences,
  differencesOf,
  needsStart,
  type Terms,
} from "../../../src/config/differences.ts";
import { parseSettings } from "../../../src/config/load.ts";
import { parseAddress } from "../../../src/core/address.ts";
import { KeyTable } from "../../../src/rks/key-table.ts";

/** Keys whose bytes follow from their names, or from `name=seed`. */
function terms(toml: string, devices: readonly string[] = ["alice", "bob/phone"]): Terms {
  const keys = devices.map((text) => {
    const [name = "", seed = name] = text.split("=");
    const [user = "", device = "default"] = name.split("/");
    return { user, device, key: new Uint8Array(32).fill(Bun.hash.crc32(seed) & 255) };
  });
  return { settings: parseSettings(toml), keys: KeyTable.from(keys) };
}

const SSH = '[door.ssh]\nopens = ["22/tcp"]\nusers = ["alice", "bob"]\n';
const WEB = '[door.web]\nopens = ["8080/tcp"]\nusers = ["*"]\n';
const FIXED = '[door.old]\nopens = ["81/tcp"]\nsequence = ["7000", "8000/udp", "9100"]\n';
const VOID = 'which makes their links void: hand out new ones with "sallyport user show"';
const ALL = "alice, bob/phone will not be able to open ssh (22/tcp); that is everybody who can now";

function told(before: Terms, after: Terms): [lines: string[], danger: string | undefined] {
  const differences = differencesOf(before, after);
  return [describeDifferences(differences), dangerOf(differences, after.settings)];
}

const SHUT = "everybody who can open ssh now would lose it";

describe("differencesOf()", () => {
  test.each<[what: string, after: Terms, lines: string[], danger: string | undefined]>([
    ["nothing", terms(SSH), [], undefined],
    [
      "a server name, which keys do not follow",
      terms(`[server]\nname = "other"\n${SSH}`),
      [],
      undefined,
    ],
    [
      "how long it opens, window, skew and slack",
      terms(`[knock]\nwindow = "5s"\nskew = 2\nslack = 60\n${SSH}open_for = "1m"\n`),
      [],
      undefined,
    ],
    [
      "a range",
      terms(`[knock]\nrange = "30000-50000"\n${SSH}`),
      [`${ALL}: range 20000-52767 becomes 30000-50000, ${VOID}`],
      SHUT,
    ],
    [
      "ports and step",
      terms(`[knock]\nports = 9\nstep = "60s"\n${SSH}`),
      [`${ALL}: ports 8 becomes 9, step 30s becomes 60s, ${VOID}`],
      SHUT,
    ],
    [
      "the protocol",
      terms(`${SSH}proto = "udp"\n`),
      [`${ALL}: proto tcp becomes udp, ${VOID}`],
      SHUT,
    ],
    [
      "a name",
      terms(SSH.replace("ssh", "shell")),
      [`${ALL}: its new name is shell, ${VOID}`],
      SHUT,
    ],
    [
      "a user without a key in the place of all",
      terms(SSH.replace('"alice", "bob"', '"carol"')),
      [`${ALL}: its users do not name them any more`],
      SHUT,
    ],
    [
      "one user less",
      terms(SSH.replace('"alice", ', "")),
      ["alice will not be able to open ssh (22/tcp): its users do not name them any more"],
      undefined,
    ],
    [
      "a key less",
      terms(SSH, ["alice"]),
      ["bob/phone will not be able to open ssh (22/tcp): their key is gone"],
      undefined,
    ],
    [
      "another key",
      terms(SSH, ["alice=new", "bob/phone"]),
      [`alice will not be able to open ssh (22/tcp): their key has changed, ${VOID}`],
      undefined,
    ],
    [
      "a sequence in the place of keys",
      terms('[door.ssh]\nopens = ["22/tcp"]\nsequence = ["7000", "8000/udp", "9100"]\n'),
      [`${ALL}: it will open by a fixed sequence, ${VOID}`],
      SHUT,
    ],
    [
      "no door: its port is open to all",
      terms(WEB, ["alice"]),
      [
        "8080/tcp will need a knock at web",
        "22/tcp will not be guarded any more: everybody reaches it",
      ],
      undefined,
    ],
    [
      "a door that nobody can open",
      terms(`${SSH}[door.web]\nopens = ["8080/tcp"]\nusers = ["carol"]\n`),
      ['8080/tcp will be shut: nobody has a key for web: give one with "sallyport user add"'],
      "nobody could reach 8080/tcp any more",
    ],
    [
      "a door that nobody can open, to a port that another one opens",
      terms(
        `${SSH}[door.web]\nopens = ["8080/tcp", "81/tcp"]\nusers = ["carol"]\n[door.all]\nopens = ["8080/tcp", "81/tcp"]\nusers = ["*"]\n`,
      ),
      ["8080/tcp, 81/tcp will need a knock at all"],
      undefined,
    ],
    [
      "a door that nobody can open, to a port of another one and to one of its own",
      terms(
        `${SSH}[door.web]\nopens = ["8080/tcp", "82/tcp"]\nusers = ["carol"]\n${WEB.replace("web", "all")}`,
      ),
      [
        '82/tcp will be shut: nobody has a key for web: give one with "sallyport user add"',
        "8080/tcp will need a knock at all",
      ],
      "nobody could reach 82/tcp any more",
    ],
    [
      "two doors that nobody can open, to one port",
      terms(
        `${SSH}[door.web]\nopens = ["8080/tcp"]\nusers = ["carol"]\n[door.all]\nopens = ["8080/tcp"]\nusers = ["dave"]\n`,
      ),
      [
        '8080/tcp will be shut: nobody has a key for web: give one with "sallyport user add"',
        '8080/tcp will be shut: nobody has a key for all: give one with "sallyport user add"',
      ],
      "nobody could reach 8080/tcp any more",
    ],
    [
      "a port that another door takes",
      terms(`${SSH.replace("22", "2222")}[door.root]\nopens = ["22/tcp"]\nusers = ["alice"]\n`),
      [
        `${ALL}: it does not open them any more, and another door guards them`,
        "2222/tcp will need a knock at ssh",
      ],
      SHUT,
    ],
    [
      "interfaces",
      terms(`[server]\ninterfaces = ["eth0"]\n${SSH}`),
      ["Knocks will not be heard on every interface any more"],
      "knocks that are heard now would not be heard any more",
    ],
  ])("tells of %s", (_, after, lines, danger) => {
    expect(told(terms(SSH), after)).toEqual([lines, danger]);
  });

  test("names once a port that two doors guard no more", () => {
    const both = `${WEB}[door.other]\nopens = ["8080/tcp"]\nusers = ["*"]\n`;
    expect(told(terms(SSH + both), terms(SSH))[0]).toContain(
      "8080/tcp will not be guarded any more: everybody reaches it",
    );
  });

  test("leaves nobody out who keeps another door to the port", () => {
    const both = `${SSH}[door.also]\nopens = ["22/tcp"]\nusers = ["bob"]\n`;
    expect(told(terms(both), terms(both.replace('"alice", "bob"', '"alice"')))).toEqual([
      [],
      undefined,
    ]);
  });

  test("tells of fixed doors, whose name nobody knocks with", () => {
    expect(told(terms(FIXED), terms(FIXED.replace("old", "older")))).toEqual([[], undefined]);
    expect(told(terms(FIXED), terms(FIXED.replace("9100", "9200")))).toEqual([
      [
        "Anybody who knows its sequence will not be able to open old (81/tcp): its sequence has changed",
      ],
      "everybody who can open old now would lose it",
    ]);
  });

  test("tells of doors that only run commands", () => {
    const lights = '[door.lights]\nusers = ["alice"]\nrun = { open = ["/bin/true"] }\n';
    expect(told(terms(`${SSH}${lights}`), terms(SSH))[0]).toEqual([
      "alice will not be able to open lights; that is everybody who can now: the door is gone",
    ]);
  });

  test("names the first of many", () => {
    const many = Array.from({ length: 200 }, (_, i) => `alice/d${i}=${i % 2 === 0 ? "x" : "y"}`);
    const [lines] = told(terms(SSH, many), terms(SSH, []));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain("alice/d9 and 190 more will not be able to open ssh (22/tcp)");
  });
});

describe("dangerOf()", () => {
  const lan = `[guard]\nalways_allow = ["10.0.0.0/8"]\n`;
  const caller = (address: string, port?: number) => ({
    address: parseAddress(address)!,
    ...(port !== undefined && { port }),
  });
  const danger = (before: string, after: string, from: ReturnType<typeof caller>) => {
    const now = terms(after);
    return dangerOf(differencesOf(terms(before), now), now.settings, from);
  };
  const lessAlice = SSH.replace('"alice", ', "");

  test("asks whoever came in where a knock will be needed", () => {
    expect(danger(SSH + lan, SSH, caller("10.1.2.3"))).toContain("which would need a knock");
    expect(danger(SSH + lan, SSH, caller("203.0.113.9"))).toBeUndefined();
    expect(danger(SSH, SSH + WEB, caller("203.0.113.9", 8080))).toContain(
      "to 8080/tcp, which would need a knock",
    );
    expect(danger(SSH, SSH + WEB, caller("203.0.113.9", 22))).toBeUndefined();
  });

  test("asks nobody who needs no knock", () => {
    expect(danger(SSH, lessAlice, caller("203.0.113.9"))).toContain("may be one of those");
    expect(danger(SSH, lessAlice, caller("203.0.113.9", 2222))).toBeUndefined();
    expect(danger(SSH + lan, lessAlice + lan, caller("10.1.2.3"))).toBeUndefined();
  });
});

test("needsStart() names what no reload changes", () => {
  const [before, after] = [
    parseSettings(SSH),
    parseSettings(`[server]\nstate_dir = "/srv/state"\n[api]\nlisten = "[::1]:7878"\n${SSH}`),
  ];
  expect(needsStart(before, before)).toBeUndefined();
  expect(needsStart(before, after)).toBe(
    "server.state_dir /var/lib/sallyport becomes /srv/state, api.listen 127.0.0.1:7878 becomes [::1]:7878",
  );
});
