/** Makes the text of configurations that are right, with any of their keys, as a fast-check arbitrary. */

import * as fc from "fast-check";

const PROTO = fc.constantFrom("tcp", "udp");
const USER = fc.constantFrom("alice", "bob", "c.d-e_f", "9");
const seconds = (min: number, max: number) => fc.integer({ min, max }).map((s) => `"${s}s"`);
const list = (items: readonly string[]) => `[${items.map((item) => `"${item}"`).join(", ")}]`;
const range = fc
  .tuple(fc.integer({ min: 10_000, max: 30_000 }), fc.integer({ min: 999, max: 30_000 }))
  .map(([lo, more]) => `"${lo}-${lo + more}"`);

/** Lines of some of these keys, in any order. */
function lines(keys: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<string> {
  return fc.record(keys, { requiredKeys: [] }).map((values) =>
    Object.entries(values)
      .map(([key, value]) => `${key} = ${String(value)}\n`)
      .join(""),
  );
}

/** Ports 1 to 4,000, so that none is a knock or inside a knock range. */
const opens = fc
  .uniqueArray(fc.tuple(fc.integer({ min: 1, max: 200 }), fc.nat(19), PROTO), {
    minLength: 1,
    maxLength: 4,
    selector: ([block]) => block,
  })
  .map((blocks) => list(blocks.map(([b, n, proto]) => `${b * 20}-${b * 20 + n}/${proto}`)));

const command = fc
  .array(fc.constantFrom("on", "{address}", "{family}", "{door}", '{\\"a\\": 1}', "ü \\t"), {
    maxLength: 4,
  })
  .map((rest) => list(["/bin/x", ...rest]));
const run = fc
  .record({ open: command, close: command })
  .map(({ open, close }) => `{ open = ${open}, close = ${close} }`);

const shared = {
  open_for: seconds(1, 3_600),
  open_after: seconds(60, 86_400),
  run,
  prefix6: fc.constantFrom(64, 128),
};

const rotatingKeys = lines({
  ...shared,
  range,
  ports: fc.integer({ min: 3, max: 16 }),
  step: seconds(60, 300),
  proto: PROTO.map((proto) => `"${proto}"`),
  uses: fc.constant('"many"'),
});
const idleKeys = lines({ ...shared, idle_close: seconds(5, 3_600) });
const fixedKeys = lines({
  ...shared,
  sequence_timeout: seconds(1, 600),
  max_grants: fc.integer({ min: 1, max: 60 }),
});

/** Sequences of door `i` keep to ports of their own. */
function sequences(i: number): string {
  const at = (offset: number) => `${5_000 + i * 100 + offset}`;
  return (
    `sequence = ${list([at(0), `${at(90)}/udp`, at(40), at(20)])}\n` +
    `close_sequence = ${list([at(41), at(21), at(91)])}\n`
  );
}

const users = fc
  .uniqueArray(USER, { minLength: 1, maxLength: 4 })
  .map((names) => `users = ${list(names)}\n`);
const way = fc.oneof(
  fc.tuple(users, rotatingKeys).map(
    ([who, keys]) =>
      () =>
        who + keys,
  ),
  fc.tuple(users, idleKeys).map(
    ([who, keys]) =>
      () =>
        who + keys,
  ),
  fixedKeys.map((keys) => (i: number) => sequences(i) + keys),
);

const doors = fc
  .array(fc.tuple(opens, way), { minLength: 1, maxLength: 5 })
  .map((all) =>
    all.map(([ports, lines_], i) => `[door.d${i}]\nopens = ${ports}\n${lines_(i)}`).join(""),
  );

const head = fc.tuple(
  lines({
    name: fc.constant('"gate.example-7f3a"'),
    interfaces: fc.constantFrom('["eth0", "wg0"]', '["any"]'),
    state_dir: fc.constant('"/srv/s p"'),
  }),
  lines({
    range,
    ports: fc.integer({ min: 3, max: 16 }),
    step: seconds(60, 300),
    window: seconds(1, 30),
    skew: fc.nat(2),
    slack: fc.nat(1_024),
  }),
  lines({
    on_stop: fc.constantFrom('"open"', '"closed"'),
    deny: fc.constantFrom('"auto"', '"drop"', '"reset"'),
    always_allow: fc.constantFrom("[]", '["10.0.0.0/8", "192.0.2.1", "fd00::/8", "2001:db8::1"]'),
  }),
  lines({
    listen: fc.constantFrom('"[::1]:9999"', '"0.0.0.0:9998"'),
    socket: fc.constant('"/run/x.sock"'),
  }),
  lines({
    run: fc.constantFrom(
      '["/bin/x"]',
      '["/bin/x", "{door} {user}/{device}", "{address}", "{first_address}", "{\\"a\\": 1}"]',
    ),
  }),
);

export const validToml: fc.Arbitrary<string> = fc
  .tuple(head, doors)
  .map(
    ([[server, knock, guard, api, alarm], text]) =>
      `[server]\n${server}[knock]\n${knock}[guard]\n${guard}[api]\n${api}[alarm]\n${alarm}${text}`,
  );
