/** Leave to be weak: a sequence that a scan completes needs it, and no other may have it. */

import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { parseSettings } from "../../../src/config/load.ts";
import { scanCompletes } from "../../../src/core/fixed-sequence.ts";
import type { Port } from "../../../src/core/port.ts";

const knock = fc.record({
  port: fc.integer({ min: 7_000, max: 7_006 }),
  proto: fc.constantFrom("tcp", "tcp", "udp"),
});

function isAccepted(knocks: readonly Port[], rest: string): boolean {
  const list = knocks.map(({ port, proto }) => `"${port}/${proto}"`).join(", ");
  try {
    parseSettings(`[door.old]\nsequence = [${list}]\n${rest}`);
    return true;
  } catch {
    return false;
  }
}

describe("parseSettings()", () => {
  test("takes a sequence that a scan completes behind weak = true alone, and weak = true before no other", () => {
    let weak = 0;
    fc.assert(
      fc.property(
        fc.array(knock, { minLength: 1, maxLength: 5 }),
        fc.constantFrom('opens = ["22/tcp"]\n', 'run = { open = ["/bin/true"] }\n'),
        (knocks, purpose) => {
          const trigger = knocks.length === 1 && purpose.startsWith("run");
          const isWeak = !trigger && scanCompletes({ knocks, timeoutMs: 15_000 }) !== undefined;
          if (isWeak) weak++;
          const accepted = [
            isAccepted(knocks, purpose),
            isAccepted(knocks, `${purpose}weak = false\n`),
            isAccepted(knocks, `${purpose}weak = true\n`),
          ];
          expect({ knocks, accepted }).toEqual({ knocks, accepted: [!isWeak, !isWeak, isWeak] });
        },
      ),
    );
    expect(weak).toBeGreaterThan(5);
  });
});
