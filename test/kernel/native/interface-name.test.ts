/** Names of interfaces, as the kernel knows them. */

import { expect, test } from "bun:test";
import { hasInterface } from "../../../src/native/interface-name.ts";

test.each([
  ["lo", true],
  ["no-such-if0", false],
  ["a-name-longer-than-any-interface-may-have", false],
  ["", false],
])("hasInterface(%p) is %p", (name, has) => {
  expect(hasInterface(name)).toBe(has);
});
