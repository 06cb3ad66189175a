/** Which keys of a listing came before. */

import { expect, test } from "bun:test";
import { KeysSeen } from "../../../src/firewall/keys-seen.ts";

/** A key of 12 bytes at offset 4: address, protocol, port. */
function keyOf(address: number, port = 22): DataView {
  const view = new DataView(new ArrayBuffer(20));
  view.setUint32(4, address);
  view.setUint32(8, 6 << 24);
  view.setUint32(12, port << 16);
  return view;
}

test("add() tells 200,000 neighbouring keys apart, and knows each when it comes again", () => {
  const keys = new KeysSeen();
  const add = (address: number) => keys.add(keyOf(address, address & 1 ? 22 : 443), 4, 12);
  for (let i = 0; i < 200_000; i++) if (!add(0x0a00_0000 + i)) throw new Error(`${i} was not new`);
  for (let i = 0; i < 200_000; i += 7) if (add(0x0a00_0000 + i)) throw new Error(`${i} was new`);
});

test("add() reads only the bytes of the key, and clear() forgets them all", () => {
  const keys = new KeysSeen();
  const other = keyOf(1);
  other.setUint32(0, 0xffff_ffff);
  other.setUint32(16, 0xffff_ffff);
  expect([keys.add(keyOf(1), 4, 12), keys.add(other, 4, 12)]).toEqual([true, false]);
  keys.clear();
  expect([keys.add(other, 4, 12), keys.add(keyOf(1), 4, 12)]).toEqual([true, false]);
});
