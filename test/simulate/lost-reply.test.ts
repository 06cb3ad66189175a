/** The kernel has no memory for its reply: it did all or nothing, and does not say which. */

import { expect, test } from "bun:test";
import { parseAddress } from "../../src/core/address.ts";
import { kernelStage } from "./opening-stage.ts";

const ADDRESS = parseAddress("198.51.100.7")!;
const USE = { id: new Uint8Array(16).fill(7), forMs: 120_000 };
const PORTS = [{ proto: "tcp", from: 22, to: 22 }] as const;
const REQUEST = {
  address: ADDRESS,
  prefix6: 128,
  ports: PORTS,
  kind: "plain",
  openMs: 30_000,
  use: USE,
  label: "ssh alice/laptop",
} as const;

function stage() {
  const { agenda, kernel, grants } = kernelStage();
  return { agenda, kernel, grants: grants() };
}

test.each([true, false])(
  "a grant that was opened unheard counts as opened (fresh: %s)",
  (fresh) => {
    const { kernel, grants } = stage();
    kernel.faults.add("no reply");
    expect(grants.open({ ...REQUEST, fresh })).toBe("opened");
    expect(grants.list()).toHaveLength(1);
    expect(grants.open({ ...REQUEST, fresh: false })).toBe("used");
  },
);

test("a grant that was refused for want of memory is opened by the next try", () => {
  const { kernel, grants } = stage();
  kernel.faults.add("no memory", "no memory");
  expect(grants.open({ ...REQUEST, fresh: true })).toBe("opened");
});

test.each([true, false])(
  "a grant in a set that the kernel is busy with is opened by the next try (fresh: %s)",
  (fresh) => {
    const { kernel, grants } = stage();
    kernel.faults.add("a busy set", "a busy set");
    expect(grants.open({ ...REQUEST, fresh })).toBe("opened");
    expect(grants.list()).toHaveLength(1);
  },
);

test("a set that stays busy refuses the grant, says what to do, and spends no use", () => {
  const { kernel, grants } = stage();
  for (let i = 0; i < 4; i++) kernel.faults.add("a busy set");
  expect(() => grants.open({ ...REQUEST, fresh: false })).toThrow(
    /^Cannot open a grant in inet sallyport (grants4|uses): the kernel is moving the elements of the set, EBUSY: knock again/,
  );
  expect(grants.list()).toEqual([]);
  expect(grants.open({ ...REQUEST, fresh: true })).toBe("opened");
});

test("a use that was spent earlier stays used, whatever is unheard", () => {
  const { agenda, kernel, grants } = stage();
  grants.open({ ...REQUEST, fresh: true });
  agenda.after(5_000, () => {});
  agenda.step();
  kernel.faults.add("no memory");
  expect(grants.open({ ...REQUEST, fresh: false })).toBe("used");
  kernel.faults.add("no memory");
  expect(grants.open({ ...REQUEST, address: parseAddress("192.0.2.66")!, fresh: true })).toBe(
    "used",
  );
});

test("a grant that the last of all tries opened unheard counts as opened", () => {
  const { kernel, grants } = stage();
  kernel.faults.add("no memory", "no memory", "no memory", "no reply");
  expect(grants.open({ ...REQUEST, fresh: false })).toBe("opened");
  expect(grants.list()).toHaveLength(1);
});

test("what the last of all tries did unheard without a use counts as done, and nothing else does", () => {
  const { kernel, grants } = stage();
  const { use: _, ...byHand } = REQUEST;
  const unheard = ["no memory", "no memory", "no memory", "no reply"] as const;
  kernel.faults.add(...unheard);
  expect(grants.open(byHand)).toBe("opened");
  expect(grants.list()).toHaveLength(1);
  kernel.faults.add("no memory", "no memory", "no memory", "no memory");
  expect(() => grants.open({ ...byHand, openMs: 60_000 })).toThrow("ENOBUFS");
  kernel.faults.add(...unheard);
  grants.close(byHand);
  expect(grants.list()).toEqual([]);
});

test("a record that is to go goes also where the set of records is full", () => {
  const { grants } = kernelStage([], 2);
  const opener = grants();
  const needs = ["laptop", "phone", "tablet"].map((name, i) => ({
    kind: "plain" as const,
    ports: PORTS,
    lifeMs: 30_000,
    openedMs: i,
    label: `ssh alice/${name}`,
  }));
  const { use: _, ...byHand } = REQUEST;
  for (const [i, { label, openedMs }] of needs.entries()) {
    opener.open({ ...byHand, label, openedMs, beside: needs.slice(0, i) });
  }
  const [laptop, ...others] = needs;
  opener.close({ ...byHand, keep: others, owner: laptop! });
  expect(opener.listOwned().map(({ label }) => label)).not.toContain("ssh alice/laptop");
});

test("a kernel that has no memory for long is an error, and nothing opens", () => {
  const { kernel, grants } = stage();
  kernel.faults.add(...Array.from({ length: 8 }, () => "no memory" as const));
  expect(() => grants.open({ ...REQUEST, fresh: true })).toThrow("ENOBUFS");
  expect(grants.list()).toEqual([]);
});
