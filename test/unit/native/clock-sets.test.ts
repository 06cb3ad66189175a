/** The kernel's report that somebody set the clock, on the real kernel. */

import { expect, test } from "bun:test";
import { ClockSets } from "../../../src/native/clock-sets.ts";
import { libcCalls } from "../../../src/native/libc-calls.ts";
import { PollSet } from "../../../src/native/poll-set.ts";

/** linux/timex.h: ADJ_SETOFFSET | ADJ_NANO; the place of `time.tv_usec` in `struct timex`. */
const ADJ_SETOFFSET_NANO = 0x0100 | 0x2000;
const TIMEX_BYTES = 208;
const TIME_NANOSECONDS_AT = 80;

/** Sets the clock by a nanosecond, which harms nobody. Returns whether that was allowed. */
function setClock(): boolean {
  const timex = new DataView(new ArrayBuffer(TIMEX_BYTES));
  timex.setUint32(0, ADJ_SETOFFSET_NANO, true);
  timex.setBigInt64(TIME_NANOSECONDS_AT, 1n, true);
  return libcCalls().adjtimex(new Uint8Array(timex.buffer)) >= 0;
}

test("ClockSets is silent while nobody sets the clock", () => {
  const sets = new ClockSets();
  const poll = new PollSet();
  poll.add(sets.fd);
  expect(poll.wait(0)).toBe(0);
  expect(sets.drain()).toBe(false);
  sets.close();
});

test("ClockSets.drain() tells of each time the clock was set, once", () => {
  const sets = new ClockSets();
  const poll = new PollSet();
  poll.add(sets.fd);
  for (let i = 0; i < 3; i++) {
    if (!setClock()) break; // without CAP_SYS_TIME there is nothing to see
    expect(poll.wait(5_000)).toBe(1);
    expect(sets.drain()).toBe(true);
    expect(sets.drain()).toBe(false);
    expect(poll.wait(0)).toBe(0);
  }
  sets.close();
});
