/** Every published vector of RKS1, against the code, as for any other implementation. */

import { expect, test } from "bun:test";
import { decodeBase32, encodeBase32 } from "../../../src/rks/base32.ts";
import { serverKey } from "../../../src/rks/key.ts";
import { sequencePorts } from "../../../src/rks/sequence.ts";
import vectors from "../../../docs/rks-vectors.json" with { type: "json" };

test.each(vectors.sequences)(
  "sequencePorts() draws the published ports of door $door in slot $slot, range $lo-$hi",
  ({ key, door, lo, hi, n, slot, ports }) => {
    expect([...sequencePorts(decodeBase32(key)!, door, { lo, hi, ports: n }, slot)]).toEqual(ports);
  },
);

test.each(vectors.serverKeys)(
  "serverKey() derives the published key of server $server",
  ({ master, server, key }) => {
    expect(encodeBase32(serverKey(decodeBase32(master)!, server))).toBe(key);
  },
);
