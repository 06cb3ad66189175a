import { expect, test } from "bun:test";
import { OwedCloses } from "../../../src/control-plane/owed-closes.ts";
import { grantOf, NOW, opened } from "../../support/store.ts";

const GRANT = grantOf("203.0.113.7");

function stage() {
  const refused = new Set<string>();
  const asked: string[] = [];
  const seen = { refused, asked, left: 0 };
  const closes = new OwedCloses(
    (id) => {
      asked.push(id);
      if (refused.has(id)) return Promise.reject(new Error(`refused ${id}`));
      return Promise.resolve({ ...GRANT, id });
    },
    () => void seen.left++,
  );
  return Object.assign(seen, { closes });
}

test("OwedCloses ends what it can, tells why the rest stays, and tries that again", async () => {
  const { closes, refused, asked } = stage();
  refused.add("b");
  const { ended, refusals } = await closes.close(["a", "b", "c"]);
  expect(ended.map(({ id }) => id)).toEqual(["a", "c"]);
  expect(refusals).toEqual(["refused b"]);
  expect(await closes.again()).toBe(true);
  refused.clear();
  expect(await closes.again()).toBe(false);
  asked.length = 0;
  expect(await closes.again()).toBe(false);
  expect(asked).toEqual([]);
});

test("OwedCloses is not done while an earlier closing is refused", async () => {
  const { closes, refused } = stage();
  refused.add("a");
  await closes.close(["a"]);
  expect((await closes.close([])).refusals).toEqual(["refused a"]);
});

test("OwedCloses leaves a grant to whoever opened it since", async () => {
  const { closes, refused, asked } = stage();
  refused.add(GRANT.id);
  await closes.close([GRANT.id]);
  closes.hear(opened(NOW, GRANT));
  asked.length = 0;
  expect(await closes.again()).toBe(false);
  expect(asked).toEqual([]);
});

test("OwedCloses leaves a grant to whoever opens it while others are being closed", async () => {
  const { closes, asked } = stage();
  const closing = closes.close(["a", GRANT.id, "b"]);
  closes.hear(opened(NOW, GRANT));
  expect((await closing).ended.map(({ id }) => id)).toEqual(["a", "b"]);
  expect(asked).toEqual(["a", "b"]);
});

test("OwedCloses asks to be called soon when a closing is refused, and not by each try after it", async () => {
  const owed = stage();
  await owed.closes.close(["a"]);
  expect(owed.left).toBe(0);
  owed.refused.add("b");
  await owed.closes.close(["b"]);
  await owed.closes.again();
  await owed.closes.again();
  expect(owed.left).toBe(1);
});
