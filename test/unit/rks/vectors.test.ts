/** Every published vector of RKS1, against the code, as for any other implementation. */

import { expect, test } from "bun:test";
import { decodeBase32, encodeBase32 } from "../../../src/rks/base32.ts";
import { serverKey } from "../../../src/rks/key.ts";
import { sequencePorts, sequencePortsBy } from "../../../src/rks/sequence.ts";
import vectors from "../../../docs/rks-vectors.json" with { type: "json" };

test.each(vectors.sequences)(
  "sequencePorts() draws the published ports of door $door in slot $slot, range $lo-$hi",
  ({ key, door, lo, hi, n, slot, ports }) => {
    expect([...sequencePorts(decodeBase32(key)!, door, { lo, hi, ports: n }, slot)]).toEqual(ports);
  },
);

test.each(vectors.sequences)(
  "sequencePortsBy() draws the same of door $door in slot $slot, with a key that cannot be read",
  async ({ key, door, lo, hi, n, slot, ports }) => {
    const hidden = await crypto.subtle.importKey(
      "raw",
      Uint8Array.from(decodeBase32(key)!),
      { name: "HMAC", hash: "SHA-256" },
      false,
      ["sign"],
    );
    const sign = async (message: Uint8Array<ArrayBuffer>) =>
      new Uint8Array(await crypto.subtle.sign("HMAC", hidden, message));
    expect([...(await sequencePortsBy(sign, door, { lo, hi, ports: n }, slot))]).toEqual(ports);
  },
);

test.each(vectors.serverKeys)(
  "serverKey() derives the published key of server $server",
  ({ master, server, key }) => {
    expect(encodeBase32(serverKey(decodeBase32(master)!, server))).toBe(key);
  },
);
