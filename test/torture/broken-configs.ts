/** A hundred ways to get config.toml wrong, each made from a good one. */

export interface BrokenConfig {
  readonly what: string;
  readonly text: string;
}

/** Values that no key of the kind accepts. */
const DURATIONS = ['"30"', "30", '"soon"', '"-5s"', '""', "true", '"1y"', '"0s"', '["30s"]'];
const NUMBERS = ["0", "-1", "1.5", '"8"', "true", "99999999"];
const PORTS = [
  '["0/tcp"]',
  '["65536/tcp"]',
  '["22/sctp"]',
  '["ssh"]',
  "[22]",
  '"22/tcp"',
  '["30-20/tcp"]',
  '["22/tcp", "x"]',
  "[[]]",
];
const LISTS = ['"alice"', "[1]", '["Alice!"]', '[""]', "true"];

const DOOR_KEYS: readonly (readonly [string, readonly string[]])[] = [
  ["open_for", DURATIONS],
  ["idle_close", DURATIONS],
  ["max_grants", NUMBERS],
  ["ports", NUMBERS],
  ["prefix6", ["63", '"64"', "0"]],
  ["uses", ['"two"', "1"]],
  ["proto", ['"icmp"', "6"]],
  ["run", ['"/bin/true"', "{ open = [] }", '{ open = "/bin/true" }', '{ shut = ["/bin/true"] }']],
];

const TABLE_KEYS: readonly (readonly [string, string, readonly string[]])[] = [
  ["knock", "range", ['"20000"', '"20000-20100"', '"50000-20000"', "20000", '"1-70000"']],
  ["knock", "step", [...DURATIONS.slice(0, 4), '"5s"', '"10m"']],
  ["knock", "window", ['"0s"', '"2m"', "10"]],
  ["knock", "skew", ["3", "-1", '"1"']],
  ["knock", "slack", ["-1", "5000"]],
  ["guard", "on_stop", ['"ajar"', "false"]],
  ["guard", "deny", ['"reject"', "1"]],
  [
    "guard",
    "always_allow",
    ['["0.0.0.0/0"]', '["::/0"]', '["10.0.0.1/8"]', '["example.org"]', '"10.0.0.0/8"'],
  ],
];

const MISTYPED = ["opens_for", "user", "open", "Opens", "sequnce", "maxgrants"];

/** `good` has `[server]`, `[api]` and one rotating door "web". */
export function brokenConfigs(good: string): BrokenConfig[] {
  const door = (key: string, value: string): BrokenConfig => {
    const others = good
      .split("\n")
      .filter((line) => !line.startsWith(`${key} =`))
      .join("\n");
    return { what: `${key} = ${value}`, text: `${others}\n${key} = ${value}\n` };
  };
  const table = (name: string, key: string, value: string): BrokenConfig => {
    return { what: `${name}.${key} = ${value}`, text: `${good}\n[${name}]\n${key} = ${value}\n` };
  };
  const whole = (what: string, text: string): BrokenConfig => ({ what, text });
  return [
    ...DOOR_KEYS.flatMap(([key, values]) => values.map((value) => door(key, value))),
    ...PORTS.map((value) => door("opens", value)),
    ...LISTS.map((value) => door("users", value)),
    ...TABLE_KEYS.flatMap(([name, key, values]) => values.map((value) => table(name, key, value))),
    ...MISTYPED.map((key) => door(key, '"x"')),
    whole("an unknown table", `${good}\n[doors.web]\nopens = ["1/tcp"]\n`),
    whole("a broken line", `${good}\nopens = [\n`),
    whole("a key twice", `${good}\nopen_for = "1s"\nopen_for = "2s"\n`),
    whole("a quote left open", `${good}\nproto = "tcp\n`),
    whole("a door of two kinds", `${good}\nsequence = ["7000", "8000", "9000"]\n`),
    whole(
      "a sequence that a scan completes",
      `${good}\n[door.x]\nopens = ["9/tcp"]\nsequence = ["1", "2", "3"]\n`,
    ),
    whole("a sequence of one knock", `${good}\n[door.x]\nopens = ["9/tcp"]\nsequence = ["7000"]\n`),
    whole(
      "a door that guards a knock port",
      `${good}\n[door.x]\nopens = ["8000/tcp"]\nsequence = ["7000", "8000", "6000"]\n`,
    ),
    whole("a door without a knock", `${good}\n[door.x]\nopens = ["9/tcp"]\n`),
    whole("a door without a port", `${good}\n[door.x]\nusers = ["alice"]\n`),
    whole("a door's name", `${good}\n[door."We b"]\nopens = ["9/tcp"]\nusers = ["alice"]\n`),
  ];
}
