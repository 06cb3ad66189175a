import { expect, test } from "bun:test";
import { withoutState } from "../../../src/firewall/audit.ts";

/** As libnftables 0.9.8 prints a rule and an element, asked for a stateless listing. */
const LISTING = (packets: number, expires: string) =>
  `tcp flags & (fin | syn | rst | ack) == syn counter packets ${packets} bytes ${packets * 60} jump deny comment "no grant"
	elements = { tcp . 22 timeout 5m expires ${expires}, tcp . 2222 }`;

test("withoutState() makes listings equal that differ in counts and remaining lives", () => {
  const first = withoutState(LISTING(0, "4m58s820ms"));
  expect(withoutState(LISTING(7, "3m2s"))).toBe(first);
  expect(first)
    .toBe(`tcp flags & (fin | syn | rst | ack) == syn counter jump deny comment "no grant"
	elements = { tcp . 22 timeout 5m, tcp . 2222 }`);
});

test("withoutState() keeps the differences that somebody else makes", () => {
  expect(withoutState("counter packets 1 bytes 60 accept")).not.toBe(
    withoutState("counter packets 1 bytes 60 drop"),
  );
  expect(withoutState("tcp . 22 timeout 5m expires 1m")).not.toBe(withoutState("tcp . 22"));
});
