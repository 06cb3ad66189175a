/** Work in a folder of one's own: nothing changes for it. */

import { expect, test } from "bun:test";
import { asOwnerOf, isForeign } from "../../../src/files/owner.ts";
import { StateFolder } from "../../support/store.ts";

test("asOwnerOf() just works in a folder of one's own", () => {
  using folder = new StateFolder();
  const ids = () => [process.geteuid!(), process.getegid!(), process.getgroups!()];
  const before = ids();
  expect(isForeign(folder.path)).toBe(false);
  expect(asOwnerOf(folder.path, ids)).toEqual(before);
});
