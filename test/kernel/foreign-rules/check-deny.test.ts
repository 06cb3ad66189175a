/** The doctor's findings where deny = "auto" cannot find out the answer of closed ports. */

import { afterAll, afterEach, describe, expect, test } from "bun:test";
import type { Findings } from "../../../src/core/finding.ts";
import { checkDeny } from "../../../src/foreign-rules/deny.ts";
import type { Statement } from "../../../src/foreign-rules/listing.ts";
import { readListing, toListing } from "../../../src/foreign-rules/read-listing.ts";
import { readRuleText } from "../../../src/foreign-rules/rule-text.ts";
import { inside } from "../../support/inside.ts";
import { Lab } from "../../support/lab.ts";
import { clearRules } from "../../support/rules.ts";

const lab = new Lab();
afterAll(() => lab[Symbol.dispose]());
afterEach(() => clearRules(lab));

const said = (findings: Findings) => findings.map(({ level, sentence }) => `${level} ${sentence}`);
const found = () =>
  inside(lab.namespace("server"), () => said(checkDeny(readListing()!, readRuleText)));

/** A listing of one INPUT chain, as of a kernel whose nft translates nothing. */
function listingOf(...rules: Statement[][]) {
  const owner = { family: "ip", table: "filter" };
  const chain = { ...owner, name: "INPUT", hook: "input", type: "filter", policy: "accept" };
  return toListing([
    { chain },
    ...rules.map((expr, handle) => ({ rule: { ...owner, chain: "INPUT", handle, expr } })),
  ]);
}

const opaque = (name: string): Statement => ({ xt: { type: "match", name } });
const UNCLEAR =
  "warning Could not see whether closed ports of this host are dropped, as guarded ones would be then: table ip filter, chain INPUT, rule";

describe("checkDeny()", () => {
  test("says nothing where every rule can be read, of nft and of both kinds of iptables", () => {
    for (const program of ["iptables-nft", "iptables-legacy"]) {
      lab.run("server", [
        program,
        ..."-A INPUT -p tcp -m multiport --dports 22,80 -j DROP".split(" "),
      ]);
      lab.run("server", [program, ..."-A INPUT -m conntrack --ctstate NEW -j DROP".split(" ")]);
    }
    lab.run("server", ["nft", "add", "table", "inet", "other"]);
    expect(found()).toEqual([]);
  });

  test("names a rule of iptables-nft that drops by what nothing translates, once for both protocols", () => {
    const findings = checkDeny(
      listingOf([opaque("tcp"), { accept: null }], [opaque("conntrack"), { drop: null }]),
      () => "a rule",
    );
    expect(said(findings)).toEqual([`${UNCLEAR} 2: a rule`]);
    expect(findings[0]!.remedy).toContain("guard.deny");
  });

  test("is silent about what picks particular senders, and about rules behind the one that decides", () => {
    const particular = [opaque("set"), { drop: null }];
    expect(checkDeny(listingOf(particular), () => "?")).toEqual([]);
    const behind = [[{ drop: null }], [opaque("conntrack"), { drop: null }]];
    expect(checkDeny(listingOf(...behind), () => "?")).toEqual([]);
  });

  test("names a chain without a name, which nft prints and has no JSON for", () => {
    lab.run("server", ["nft", "-f", "-"], {
      input: `table inet filter {
        chain input {
          type filter hook input priority 0; policy accept;
          tcp dport 40000-50000 jump {
            drop
          }
        }
      }
`,
    });
    expect(found()).toEqual([
      expect.stringMatching(/^warning Could not see .*table inet filter, chain input, rule 1/),
    ]);
  });
});
