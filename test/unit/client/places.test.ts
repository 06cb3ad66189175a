/** Places and forwards as people write them. */

import { expect, test } from "bun:test";
import {
  formatForward,
  formatPlace,
  isPrivate,
  readForward,
  readPlace,
} from "../../../src/client/places.ts";

test.each([
  ["1080", "127.0.0.1:1080", true],
  ["127.0.0.2:1080", "127.0.0.2:1080", true],
  ["localhost:9", "127.0.0.1:9", true],
  ["[::1]:1080", "[::1]:1080", true],
  ["0.0.0.0:1080", "0.0.0.0:1080", false],
  ["[::]:1080", "[::]:1080", false],
  ["192.0.2.1:1080", "192.0.2.1:1080", false],
])("readPlace() reads %j", (text, shown, own) => {
  const place = readPlace(text)!;
  expect([formatPlace(place), isPrivate(place)]).toEqual([shown, own]);
});

test.each([
  "",
  "0",
  "65536",
  ":1080",
  "::1:1080",
  "[127.0.0.1]:1",
  "gate.example:1",
  "1080x",
  "1 ",
])("readPlace() does not read %j", (text) => {
  expect(readPlace(text)).toBeUndefined();
});

test.each(["8443=home:443", "8443=home", "127.0.0.2:443=home:443", "[::1]:443=home:443"])(
  "readForward() reads %j, and formatForward() writes it back",
  (text) => {
    expect(formatForward(readForward(text)!)).toBe(text);
  },
);

test.each([
  "",
  "8443",
  "8443:home:443",
  "=home:443",
  "8443=",
  "8443=home:",
  "8443=home:0",
  "x=home",
])("readForward() does not read %j", (text) => {
  expect(readForward(text)).toBeUndefined();
});
