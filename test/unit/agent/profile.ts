/** A profile for tests of the agent. */

import { parsePortRange } from "../../../src/core/port.ts";
import type { Profile } from "../../../src/rks/profile-link.ts";

/** `opens`: as in a link, "22/tcp". */
export function profile(host: string, opens: readonly string[]): Profile {
  return {
    user: "alice",
    host,
    door: "ssh",
    key: new Uint8Array(32).fill(9),
    lo: 20_000,
    hi: 52_767,
    ports: 8,
    stepSeconds: 30,
    proto: "tcp",
    opens: opens.map((text) => parsePortRange(text)!),
  };
}
