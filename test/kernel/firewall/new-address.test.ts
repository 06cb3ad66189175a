/**
 * First packets that come while their destination becomes an address of the host, as at boot or
 * with a new lease: `gate` saw another host's address, routing sees this host's. The moment between
 * the two is too short to be met on a busy machine (flooded with 70,000 SYNs a second while the
 * address came and went, 1 of 1,000 SYNs got in before there were these rules). So the two halves
 * are tested: what passes is marked, and what is marked does not arrive.
 */

import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { parsePrefix } from "../../../src/core/address.ts";
import { guard } from "../../support/firewall.ts";
import { Lab } from "../../support/lab.ts";
import { probe, startEcho } from "../../support/service.ts";

const lab = new Lab();
const { server: server4, client: client4 } = lab.address4;
const { server: server6, client: client6 } = lab.address6;
for (const port of [2222, 2224, 2226]) await startEcho(lab, "server", port);
for (const port of [2222, 2224]) await startEcho(lab, "container", port);
// The sender's own address is always allowed: only the mark can keep its packets out.
guard(lab, { allow: [`${client4}/32`, `${client6}/128`].map((text) => parsePrefix(text)!) });
afterAll(() => lab[Symbol.dispose]());

/** A table of somebody else's, in place of the one before. */
function load(rules: string): void {
  const input = `add table inet other\ndelete table inet other\ntable inet other {\n${rules}\n}`;
  lab.run("server", ["nft", "-f", "-"], { input });
}
beforeEach(() => load(""));

function marked(): number {
  const { out } = lab.run("server", ["nft", "list", "chain", "inet", "other", "watch"]);
  return Number(/counter packets (\d+)/.exec(out)![1]);
}

/** The last look of prerouting, and the mark in it. */
const LAST = `chain watch { type filter hook prerouting priority 2147483646; meta priority 7361:6c70 counter; }`;

describe.each([
  ["IPv4", "10.88.0.2", server4],
  ["IPv6", "fd88::2", server6],
])("%s", (_, container, server) => {
  test("marks the first packet that passes to a guarded port, and none of another", () => {
    load(LAST);
    expect(probe(lab, "client", container, 2222)).toBe("open");
    expect(marked()).toBe(1);
    load(LAST);
    expect(probe(lab, "client", container, 2224)).toBe("open");
    expect(probe(lab, "client", server, 2222)).toBe("open");
    expect(marked()).toBe(0);
  });

  test("drops what passed as another host's and is this host's now", () => {
    load(
      `chain paint { type filter hook prerouting priority 0;
        tcp dport { 2222, 2226 } meta priority set 7361:6c70
      }`,
    );
    expect(probe(lab, "client", server, 2222)).toBe("silent");
    expect(probe(lab, "client", server, 2224)).toBe("open");
  });

  test("lets in what a translation sends to this host", () => {
    load(
      `chain turn { type nat hook prerouting priority dstnat; tcp dport 2222 redirect to :2226; }`,
    );
    expect(probe(lab, "client", container, 2222)).toBe("open");
  });
});
