/** Whose grants outlive a reload, and the sentence that tells it. */

import { expect, test } from "bun:test";
import type { CutOff } from "../../../src/config/differences.ts";
import { describeOutliving } from "../../../src/control-plane/outliving-grants.ts";
import type { Grant } from "../../../src/core/grant.ts";

const WEB: Grant = {
  id: "0123456789",
  door: "web",
  address: "192.0.2.1",
  via: "rotating",
  user: "alice",
  device: "default",
  ports: [{ proto: "tcp", from: 8080, to: 8080 }],
  kind: "plain",
  openedMs: 0,
  expiresMs: 30_000,
};
const { user: _, device: __, ...NOBODYS } = WEB;

function cut(...who: CutOff["who"]): CutOff {
  return { door: "web", who, ports: WEB.ports, why: "their key is gone" };
}

const alice = { user: "alice", device: "default" };
const phone = { user: "alice", device: "phone" };

test("names the holder, and what ends one grant", () => {
  expect(describeOutliving([cut(alice)], [WEB])).toEqual([
    '1 living grant of web, held by alice, will last until its time is over: "sallyport close 0123456789" ends it now',
  ]);
});

test("counts only grants of devices that are cut off, once each", () => {
  const others: Grant[] = [
    WEB,
    { ...WEB, id: "1", device: "phone" },
    { ...WEB, id: "2", device: "phone", address: "192.0.2.2" },
    { ...WEB, id: "3", user: "bob" },
    { ...WEB, id: "4", door: "ssh", device: "phone" },
    { ...NOBODYS, id: "5", via: "hand" },
  ];
  expect(describeOutliving([cut(phone), { ...cut(phone), ports: [] }], others)).toEqual([
    '2 living grants of web, held by alice/phone, will last until their time is over: "sallyport grants" lists and "sallyport close" ends them',
  ]);
  expect(describeOutliving([cut({ user: "carol", device: "default" })], others)).toEqual([]);
});

test("a fixed sequence may have opened to anybody", () => {
  const grants: Grant[] = [{ ...NOBODYS, via: "fixed" }];
  expect(describeOutliving([cut()], grants)[0]).toStartWith(
    "1 living grant of web will last until its time is over",
  );
});

test("names ten holders and counts the rest", () => {
  const names = Array.from({ length: 12 }, (_value, i) => `user${i}`);
  const grants = names.map((user, i) => ({ ...WEB, user, id: `${i}` }));
  const [told] = describeOutliving([cut(...names.map((user) => ({ ...alice, user })))], grants);
  expect(told).toContain("held by user0, user1,");
  expect(told).toContain("user9 and 2 more, will last");
});
