/** A daemon dies between giving a grant anew by other terms and taking the old elements from the kernel. */

import { expect, test } from "bun:test";
import { parseAddress } from "../../src/core/address.ts";
import { doorOf } from "../support/daemon.ts";
import { openingStage } from "./opening-stage.ts";

const ADDRESS = parseAddress("198.51.100.7")!;
const DOOR = doorOf({ name: "ssh", uses: "one" });
const REQUEST = {
  address: ADDRESS,
  prefix6: 128,
  ports: [
    { proto: "tcp", from: 22, to: 22 },
    { proto: "tcp", from: 2222, to: 2222 },
  ],
  openMs: 30_000,
  label: "ssh alice/laptop",
} as const;

test("the next start takes the old elements away, with ports that the door opens no more", () => {
  const { kernel, grants, events, begin } = openingStage(DOOR);
  const dead = grants();
  dead.open({ ...REQUEST, kind: "plain" });
  dead.open({ ...REQUEST, ports: DOOR.opens, kind: "once" });
  begin();
  expect(events).toMatchObject([{ type: "grant.restored", grant: { kind: "once" } }]);
  expect(kernel.living("grants4")).toEqual([]);
  expect(kernel.living("one4")).toHaveLength(1);
});
