/** Fixed sequences in the forms of other clients. */

import { expect, test } from "bun:test";
import { fixedDoors, formatFixed } from "../../../src/cli/fixed-formats.ts";
import { doorOf, fixedDoorOf } from "../../support/daemon.ts";

const TARGET = { host: "gate.example", user: "alice" };
const ssh = fixedDoorOf({
  name: "ssh",
  opens: [{ proto: "tcp", from: 22, to: 22 }],
  fixed: {
    knocks: [
      { proto: "tcp", port: 7_000 },
      { proto: "udp", port: 8_000 },
    ],
    timeoutMs: 200,
  },
});

const print = (format: Parameters<typeof formatFixed>[0], doors = [ssh]) =>
  formatFixed(format, fixedDoors(doors, undefined), TARGET);

test("knock: one command to open, one to close, slow enough for the network and fast enough for the door", () => {
  expect(print("knock")).toBe(
    "# ssh\nknock -d 50 gate.example 7000:tcp 8000:udp\n" +
      "# ssh, close\nknock -d 200 gate.example 8000:tcp 9000:tcp 7000:tcp\n",
  );
});

test("Knocks on Ports: knocks, then looks at the port; the closing knock looks at nothing", () => {
  const { version, sequences } = JSON.parse(print("knockonports"));
  expect(version).toBe(1);
  expect(sequences).toMatchObject([
    {
      name: "ssh",
      host: "gate.example",
      delay: 50,
      uri: "ssh://gate.example",
      checkAccess: true,
      check_type: "PORT",
      check_port: 22,
      steps: [
        { type: "tcp", port: 7000 },
        { type: "udp", port: 8000 },
      ],
    },
    { name: "ssh, close", checkAccess: false },
  ]);
});

test("Termix: a host that asks for its login when it connects", () => {
  expect(JSON.parse(print("termix")).hosts).toEqual([
    {
      name: "gate.example (ssh)",
      ip: "gate.example",
      port: 22,
      username: "alice",
      authType: "none",
      portKnockSequence: [
        { port: 7000, protocol: "tcp", delay: 50 },
        { port: 8000, protocol: "udp", delay: 50 },
      ],
    },
  ]);
});

test("a rotating door has no fixed sequence to print", () => {
  expect(() => fixedDoors([doorOf()], undefined)).toThrow(/no door has one: .*without --format/);
  expect(() => fixedDoors([doorOf(), ssh], "web")).toThrow(/door "web" has none: .*one of ssh/);
  expect(
    fixedDoors([doorOf({ name: "web" }), ssh], undefined).map(({ door }) => door.name),
  ).toEqual(["ssh"]);
});
