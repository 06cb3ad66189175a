/** The recorder takes the kernel's place, so it is compared with the kernel, request by request. */

import { afterAll, expect, test } from "bun:test";
import { array, assert, constantFrom, integer, oneof, property, record } from "fast-check";
import { formatAddress } from "../../../src/core/address.ts";
import type { CloseRequest, Firewall, GrantRequest } from "../../../src/firewall/firewall.ts";
import { removeGuard } from "../../../src/firewall/guard.ts";
import { RecordingFirewall } from "../../../src/firewall/recorder.ts";
import { inside } from "../../support/inside.ts";
import { Lab } from "../../support/lab.ts";
import { freshUse, grantsOf, guard, ranges, request } from "../../support/firewall.ts";

const lab = new Lab();
const kernel = grantsOf(lab);

afterAll(() => {
  kernel[Symbol.dispose]();
  lab[Symbol.dispose]();
});

type Step = { readonly open: GrantRequest } | { readonly close: CloseRequest };

const uses = [undefined, 0, 1] as const;
const ports = constantFrom(ranges("22/tcp"), ranges("22-24/tcp"), ranges("24/udp", "22/tcp"));
const address = constantFrom("10.0.0.1", "10.0.0.2", "fd00::1:0:0:1", "fd00::1:0:0:2");
const prefix6 = constantFrom(64 as const, 128 as const);

const opening = record({
  address,
  prefix6,
  ports,
  kind: constantFrom("plain" as const, "fixed" as const, "once" as const, "idle" as const),
  openMs: integer({ min: 1, max: 9 }).map((minutes) => minutes * 60_000),
  use: constantFrom(...uses),
});
const closing = record({ address, prefix6, ports });

/** The comparable facts: lives to the nearest minute, in no order. */
function seen(firewall: Firewall): string[] {
  return firewall
    .list()
    .map((grant) => {
      const { kind, address: from, prefix6: bits, port, remainingMs, idleMs, label } = grant;
      const minutes = Math.round(remainingMs / 60_000);
      return [kind, formatAddress(from), bits, port.proto, port.port, minutes, idleMs, label].join(
        " ",
      );
    })
    .sort();
}

test("RecordingFirewall holds the same grants as the kernel after any requests", () => {
  assert(
    property(array(oneof(opening, opening, closing), { minLength: 1, maxLength: 12 }), (steps) => {
      inside(lab.namespace("server"), removeGuard);
      guard(lab, { idleMs: [600_000] });
      const recorder = new RecordingFirewall();
      const fresh = [freshUse(), freshUse()];
      for (const step of steps.map((raw) => toStep(raw, fresh))) {
        if ("close" in step) {
          recorder.close(step.close);
          kernel.close(step.close);
        } else {
          expect(recorder.open(step.open)).toBe(kernel.open(step.open));
        }
        expect(seen(recorder)).toEqual(seen(kernel));
      }
      expect(recorder.uses().length).toBe(kernel.uses().length);
    }),
    { numRuns: 60 },
  );
});

function toStep(
  raw:
    | Parameters<Parameters<typeof opening.map>[0]>[0]
    | Parameters<Parameters<typeof closing.map>[0]>[0],
  fresh: readonly { id: Uint8Array; forMs: number }[],
): Step {
  if (!("kind" in raw))
    return { close: { ...request(raw.address), ...raw, address: request(raw.address).address } };
  const { address: from, use, ...rest } = raw;
  const spent = use === undefined ? {} : { use: fresh[use]! };
  return { open: { ...request(from), ...rest, idleMs: 600_000, ...spent } };
}

test("RecordingFirewall ends grants and uses on the clock it is given", () => {
  let nowMs = 0;
  const recorder = new RecordingFirewall(() => nowMs);
  const use = freshUse(1_000);
  expect(recorder.open(request("10.0.0.1", { openMs: 500, use }))).toBe("opened");
  nowMs = 600;
  expect(recorder.list()).toEqual([]);
  expect(recorder.open(request("10.0.0.1", { use }))).toBe("used");
  nowMs = 1_000;
  expect(recorder.open(request("10.0.0.1", { use }))).toBe("opened");
  expect(recorder.opened).toHaveLength(2);
});
