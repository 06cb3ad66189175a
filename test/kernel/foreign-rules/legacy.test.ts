/** Rules of iptables-legacy, read from the kernel and followed like those of nft. */

import { afterAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { Findings } from "../../../src/core/finding.ts";
import { formatPortRange, parsePortRange } from "../../../src/core/port.ts";
import { otherTrackers } from "../../../src/doctor/tracking.ts";
import { checkRoutedContainers, checkUntracked } from "../../../src/foreign-rules/bypass.ts";
import { checkForeignRules } from "../../../src/foreign-rules/foreign-rules.ts";
import { publishedIn } from "../../../src/foreign-rules/published.ts";
import { readListing } from "../../../src/foreign-rules/read-listing.ts";
import { readRuleText } from "../../../src/foreign-rules/rule-text.ts";
import { inside } from "../../support/inside.ts";
import { Lab } from "../../support/lab.ts";
import { clearRules } from "../../support/rules.ts";

const lab = new Lab();
afterAll(() => lab[Symbol.dispose]());

const guarded = ["22/tcp", "8022/tcp", "51820/udp"].map((text) => parsePortRange(text)!);
const said = (findings: Findings) => findings.map(({ level, sentence }) => `${level} ${sentence}`);
const sorted = (findings: Findings) => said(findings).toSorted();
const onServer = <T>(fn: () => T): T => inside(lab.namespace("server"), fn);

test("the doctor follows rules of iptables-legacy, and names chain and number", () => {
  clearRules(lab);
  const iptables = (line: string) => lab.run("server", ["iptables-legacy", ...line.split(" ")]);
  iptables("-N ours");
  iptables("-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j DROP");
  iptables("-A INPUT -p tcp -m multiport --dports 80,8000:8100 -j REJECT");
  iptables("-A INPUT -m comment --comment ours -j ours");
  iptables("-A ours -s 192.0.2.1 -j DROP");
  iptables("-A ours -p tcp ! --syn -j DROP");
  iptables(
    "-A ours -i eth+ -d 10.77.0.0/16 -p udp -m conntrack --ctstate NEW --dport 51820 -j DROP",
  );
  iptables("-t raw -A PREROUTING -p tcp --dport 22 -j CT --notrack");
  iptables("-t nat -A PREROUTING -p tcp --dport 22 -j DNAT --to-destination 10.88.0.2:2222");
  lab.run("server", "ip6tables-legacy -A INPUT -s 2001:db8::/32 -j DROP".split(" "));
  lab.run(
    "server",
    "ip6tables-legacy -A INPUT ! -s 2001:db8::/32 -p tcp --dport 22 -j DROP".split(" "),
  );
  const listing = onServer(() => readListing()!);
  expect(sorted(checkForeignRules({ listing, guarded, textOf: readRuleText }))).toEqual([
    "problem Another table drops 22/tcp over IPv6: table ip6 filter (iptables-legacy), chain INPUT, rule 2",
    "problem Another table drops 51820/udp over IPv4: table ip filter (iptables-legacy), chain ours, rule 3",
    "problem Another table rejects 8022/tcp over IPv4: table ip filter (iptables-legacy), chain INPUT, rule 2",
  ]);
  expect(said(checkUntracked({ listing, guarded, textOf: readRuleText }))).toEqual([
    "warning Another table takes 22/tcp out of connection tracking, so sessions die when their grant ends: table ip raw (iptables-legacy), chain PREROUTING, rule 1",
  ]);
  expect(otherTrackers(listing)).toBe(true);
  const forwarding = { 4: true, 6: true };
  expect(
    said(checkRoutedContainers({ listing, guarded, textOf: readRuleText, forwarding })),
  ).toEqual([expect.stringContaining("22/tcp is published from 10.88.0.2,")]);
});

test.each(["nft", "legacy"])("ports that Docker published with iptables-%s are known", (kind) => {
  clearRules(lab);
  const docker = new URL("../../golden/rules/docker-20.10.24.v4", import.meta.url);
  lab.run("server", [`iptables-${kind}-restore`], { input: readFileSync(docker, "utf8") });
  const listing = onServer(() => readListing()!);
  expect(publishedIn(listing, guarded).map(formatPortRange)).toEqual(["8022/tcp", "51820/udp"]);
  const forwarding = { 4: true, 6: true };
  const at = "is published from 172.17.0.2, and this machine forwards";
  expect(
    sorted(checkRoutedContainers({ listing, guarded, textOf: readRuleText, forwarding })),
  ).toEqual([
    expect.stringContaining(`51820/udp ${at}`),
    expect.stringContaining(`8022/tcp ${at}`),
  ]);
});

test("the doctor finds nothing in tables of iptables-legacy that hold no rule", () => {
  clearRules(lab);
  const listing = onServer(() => readListing()!);
  expect(listing.unread).toEqual([]);
  expect(said(checkForeignRules({ listing, guarded, textOf: readRuleText }))).toEqual([
    "ok No other table drops a guarded port",
  ]);
});

test("a table of iptables-legacy that nobody used is not made by looking", () => {
  using other = new Lab();
  inside(other.namespace("server"), readListing);
  expect(other.run("server", ["cat", "/proc/net/ip_tables_names"]).out).toBe("");
});
