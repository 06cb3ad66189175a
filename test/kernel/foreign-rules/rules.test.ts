/**
 * Follows packets through rule sets that a real kernel holds: which rules drop, untrack and
 * publish.
 */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { parseAddress } from "../../../src/core/address.ts";
import { formatPortRange, parsePortRange } from "../../../src/core/port.ts";
import { arrivalsOf } from "../../../src/foreign-rules/arrivals.ts";
import { checkRoutedContainers, checkUntracked } from "../../../src/foreign-rules/bypass.ts";
import type { Findings } from "../../../src/core/finding.ts";
import { checkForeignRules } from "../../../src/foreign-rules/foreign-rules.ts";
import { FEATURES, probeKernel } from "../../../src/doctor/kernel.ts";
import { readListing, toListing } from "../../../src/foreign-rules/read-listing.ts";
import { publishedIn } from "../../../src/foreign-rules/published.ts";
import { readRuleText, ruleTexts } from "../../../src/foreign-rules/rule-text.ts";
import { loadGuard } from "../../../src/firewall/guard.ts";
import { runNft } from "../../../src/native/libnftables.ts";
import { otherTrackers } from "../../../src/doctor/tracking.ts";
import type { Link } from "../../../src/native/links.ts";
import { inside } from "../../support/inside.ts";
import { Lab } from "../../support/lab.ts";

let lab: Lab;
beforeAll(() => {
  lab = new Lab();
}, 30_000);
afterAll(() => lab[Symbol.dispose]());
afterEach(() => lab.run("server", ["nft", "flush", "ruleset"]));

const guarded = ["22/tcp", "8022/tcp", "51820/udp"].map((text) => parsePortRange(text)!);

const said = (findings: Findings) => findings.map(({ level, sentence }) => `${level} ${sentence}`);

/** nft 1.0.6 wants a line break between the end of a chain and that of its table. */
function load(rules: string): void {
  lab.run("server", ["nft", "-f", "-"], { input: `${rules.replaceAll("} }", "}\n}")}\n` });
}

function onServer<T>(fn: () => T): T {
  return inside(lab.namespace("server"), fn);
}

const facts = () => ({ listing: readListing()!, guarded, textOf: readRuleText });

function foreign(rules: string): string[] {
  load(rules);
  return onServer(() => said(checkForeignRules(facts())));
}

test("publishedIn() finds ports that are sent elsewhere, by whatever names them", () => {
  load(`table ip nat {
    set more { type inet_service; elements = { 40001, 60001 } }
    chain DOCKER { tcp dport 32768 dnat to 172.17.0.2:80
      tcp dport { 25565, 25570-25575 } dnat to 10.88.0.2
      udp dport @more dnat to 10.88.0.2
      tcp dport 41000 accept
      tcp dport 8080 dnat to 10.88.0.2
    }
    chain pre { type nat hook prerouting priority -100; policy accept;
      fib daddr type local counter jump DOCKER
    } }`);
  const ranges = ["20000-52767/tcp", "40000-50000/udp"].map((text) => parsePortRange(text)!);
  const found = onServer(() => publishedIn(readListing()!, ranges).map(formatPortRange));
  expect(found).toEqual(["25565/tcp", "25570-25575/tcp", "32768/tcp", "40001/udp"]);
});

const INPUT = "type filter hook input priority 0; policy accept;";

describe("checkForeignRules()", () => {
  interface Case {
    readonly name: string;
    readonly rules: string;
    readonly expected: readonly string[];
  }
  const WELL = ["ok No other table drops a guarded port"];
  const CASES: readonly Case[] = [
    { name: "passes a machine without rules", rules: "", expected: WELL },
    {
      name: "names table, chain, number and text of a rule that drops",
      rules: `table inet filter { chain input { ${INPUT}
        ct state established accept
        iif lo accept
        tcp dport 22 counter drop comment "no ssh"
      } }`,
      expected: [
        'problem Another table drops 22/tcp: table inet filter, chain input, rule 3: tcp dport 22 counter drop comment "no ssh"',
      ],
    },
    {
      name: "names a policy, and the one family that it drops",
      rules: `table ip6 filter { chain input { type filter hook input priority 0; policy drop;
        tcp dport { 22, 8000-8100 } accept
      } }`,
      expected: [
        "problem Another table drops 51820/udp over IPv6: table ip6 filter, chain input, policy drop",
      ],
    },
    {
      name: "looks into named sets and named verdict maps",
      rules: `table inet filter {
        set ports { type inet_service
          elements = { 22 }
        }
        map verdicts { type inet_service : verdict
          elements = { 51820 : drop, 22 : drop }
        }
        chain input { ${INPUT}
          tcp dport @ports accept
          tcp dport vmap @verdicts
          udp dport vmap @verdicts
        } }`,
      expected: [
        "problem Another table drops 51820/udp: table inet filter, chain input, rule 3: udp dport vmap @verdicts",
      ],
    },
    {
      name: "follows jumps, returns and gotos, and names the rule where it ends",
      rules: `table inet filter {
        chain early { tcp dport 8022 return
          tcp dport 1-9000 reject with tcp reset
        }
        chain late { drop
        }
        chain input { ${INPUT}
          jump early
          meta l4proto udp goto late
          drop
        } }`,
      expected: [
        "problem Another table rejects 22/tcp: table inet filter, chain early, rule 2: tcp dport 1-9000 reject with tcp reset",
        "problem Another table drops 8022/tcp: table inet filter, chain input, rule 3: drop",
        "problem Another table drops 51820/udp: table inet filter, chain late, rule 1: drop",
      ],
    },
    {
      name: "knows comparisons and negations of ports",
      rules: `table inet filter { chain input { ${INPUT}
        tcp dport > 9000 drop
        tcp dport != { 22, 8022 } drop
        udp dport < 51820 drop
        udp dport != 51820 drop
      } }`,
      expected: WELL,
    },
    {
      name: "leaves rules about particular strangers and other interfaces alone",
      rules: `table inet filter {
        set bad { type ipv4_addr
          flags interval
          elements = { 192.0.2.0/24 }
        }
        chain input { ${INPUT}
          ip saddr @bad drop
          ip saddr 198.51.100.7 tcp dport 22 drop
          iifname "lo" drop
        } }`,
      expected: WELL,
    },
    {
      name: "takes a rule that lets only some networks in for a drop",
      rules: `table inet filter { chain input { ${INPUT}
        ip saddr != 10.0.0.0/8 tcp dport 22 drop
      } }`,
      expected: [
        "problem Another table drops 22/tcp over IPv4: table inet filter, chain input, rule 1: ip saddr != 10.0.0.0/8 tcp dport 22 drop",
      ],
    },
    {
      name: "sees drops before the guard and on the interface itself",
      rules: `table inet raw { chain pre { type filter hook prerouting priority -300; policy accept;
          tcp dport 22 drop
        } }
        table netdev early { chain in { type filter hook ingress device "eth0" priority 0; policy accept;
          tcp dport 8022 drop
        } }`,
      expected: [
        "problem Another table drops 22/tcp: table inet raw, chain pre, rule 1: tcp dport 22 drop",
        "problem Another table drops 8022/tcp: table netdev early, chain in, rule 1: tcp dport 8022 drop",
      ],
    },
    {
      name: "does not judge a published port by the chains of input",
      rules: `table ip nat { chain pre { type nat hook prerouting priority -100; policy accept;
          tcp dport 8022 dnat to 10.88.0.2:22
        } }
        table ip filter { chain input { type filter hook input priority 0; policy drop;
          tcp dport 22 accept
          udp dport 51820 accept
        } }`,
      expected: WELL,
    },
  ];

  test.each(CASES.map((one) => [one.name, one] as const))("%s", (_, { rules, expected }) => {
    expect(foreign(rules)).toEqual([...expected]);
  });

  test("leaves sallyport's own table out", () => {
    onServer(() =>
      loadGuard({ guarded, allow: [], deny: { ip: "drop", ip6: "drop" }, idleMs: [] }),
    );
    expect(foreign("")).toEqual(WELL);
  });

  test("leaves counters out of the text", () => {
    expect(
      foreign(`table ip filter { chain INPUT { ${INPUT}
        meta l4proto tcp tcp dport 22 counter packets 3 bytes 180 drop
      } }`),
    ).toEqual([
      "problem Another table drops 22/tcp over IPv4: table ip filter, chain INPUT, rule 1: tcp dport 22 counter drop",
    ]);
  });

  test("reads what iptables wrote: ports, states, targets", () => {
    const iptables = (...argv: string[]) => lab.run("server", ["iptables-nft", ...argv]);
    iptables(..."-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j DROP".split(" "));
    iptables(..."-A INPUT -p tcp -m multiport --dports 80,8000:8100 -j REJECT".split(" "));
    iptables(..."-A INPUT -p udp -m conntrack --ctstate NEW --dport 51820 -j DROP".split(" "));
    iptables(..."-A INPUT -p tcp -s 192.0.2.1 --dport 22 -j DROP".split(" "));
    expect(foreign("")).toEqual([
      expect.stringMatching(
        /^problem Another table rejects 8022\/tcp over IPv4: table ip filter, chain INPUT, rule 2: /,
      ),
      expect.stringMatching(
        /^problem Another table drops 51820\/udp over IPv4: table ip filter, chain INPUT, rule 3: /,
      ),
    ]);
  });

  test("says which rule of iptables it could not read", () => {
    const chain = { family: "ip", table: "filter", name: "INPUT", hook: "input", type: "filter" };
    const expr = [{ xt: { type: "match", name: "multiport" } }, { drop: null }];
    const rule = { family: "ip", table: "filter", chain: "INPUT", handle: 1, expr };
    const listing = toListing([{ chain }, { rule }]);
    const findings = checkForeignRules({ listing, guarded, textOf: () => "?" });
    expect(said(findings)).toEqual([
      "warning Could not see whether another table drops a guarded port: table ip filter, chain INPUT, rule 1: ?",
    ]);
  });

  test("warns of tables of iptables-legacy that could not be read", () => {
    const findings = checkForeignRules({
      listing: { ...toListing([]), unread: ["ip filter"] },
      guarded,
      textOf: () => undefined,
    });
    expect(said(findings)).toEqual([
      "warning Could not see the rules of iptables-legacy in table ip filter",
    ]);
  });
});

describe("checkUntracked()", () => {
  test("names rules that take a guarded port out of tracking, and no others", () => {
    load(`table inet raw { chain pre { type filter hook prerouting priority -300; policy accept;
      tcp dport { 22, 80 } notrack
      udp dport 53 notrack
    } }`);
    expect(onServer(() => said(checkUntracked(facts())))).toEqual([
      "warning Another table takes 22/tcp out of connection tracking, so sessions die when their grant ends: " +
        "table inet raw, chain pre, rule 1: tcp dport { 22, 80 } notrack",
    ]);
  });

  test("names flow tables and their interfaces", () => {
    // From data: kernels without CONFIG_NF_FLOW_TABLE cannot hold one.
    const flowtable = { family: "inet", table: "fw", name: "fast", dev: ["eth0", "eth1"] };
    const findings = checkUntracked({
      listing: toListing([{ flowtable }]),
      guarded,
      textOf: () => undefined,
    });
    expect(said(findings)).toEqual([
      "warning The flow table fast of table inet fw hands forwarded sessions past every rule (eth0 and eth1)",
    ]);
  });
});

describe("checkRoutedContainers()", () => {
  const PUBLISH = `table ip nat { chain pre { type nat hook prerouting priority -100; policy accept;
    tcp dport 8022 dnat to 10.88.0.2:22
  } }`;
  const forwarding = { 4: true, 6: true };

  function routed(rules: string, forwards = forwarding): string[] {
    load(rules);
    return onServer(() => said(checkRoutedContainers({ ...facts(), forwarding: forwards })));
  }

  test("warns of a published port that also answers on the container's own address", () => {
    expect(routed(PUBLISH)).toEqual([
      "warning 8022/tcp is published from 10.88.0.2, and this machine forwards: whoever routes to 10.88.0.2 through it may reach 22/tcp there without a knock",
    ]);
  });

  test("is content where nothing is forwarded, or where the address is closed off", () => {
    expect(routed(PUBLISH, { 4: false, 6: true })[0]).toStartWith("ok");
    lab.run("server", ["nft", "flush", "ruleset"]);
    const closed = `${PUBLISH}
      table ip raw { chain pre { type filter hook prerouting priority -300; policy accept;
        ip daddr 10.88.0.2 iifname != "ctr0" drop
      } }`;
    expect(routed(closed)[0]).toStartWith("ok");
  });
});

/**
 * dockerd's rules for `docker run -p 8022:22 -p 10.77.0.1:51820:51820/udp`, with ctr0 as its
 * bridge.
 */
const DOCKER: Record<string, () => void> = {
  "with iptables": () => {
    const iptables = (line: string) => lab.run("server", ["iptables-nft", ...line.split(" ")]);
    iptables("-t nat -N DOCKER");
    iptables("-t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER");
    iptables("-t nat -A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER");
    iptables("-t nat -A POSTROUTING -s 10.88.0.0/24 ! -o ctr0 -j MASQUERADE");
    iptables("-t nat -A DOCKER -i ctr0 -j RETURN");
    iptables(
      "-t nat -A DOCKER ! -i ctr0 -p tcp -m tcp --dport 8022 -j DNAT --to-destination 10.88.0.2:22",
    );
    iptables(
      "-t nat -A DOCKER -d 10.77.0.1/32 ! -i ctr0 -p udp -m udp --dport 51820 -j DNAT --to-destination 10.88.0.2:51820",
    );
    iptables("-N DOCKER");
    iptables("-A FORWARD -o ctr0 -j DOCKER");
    iptables("-A DOCKER -d 10.88.0.2/32 ! -i ctr0 -o ctr0 -p tcp -m tcp --dport 22 -j ACCEPT");
  },
  "with nftables": () =>
    load(`table ip docker-bridges {
      chain nat-PREROUTING { type nat hook prerouting priority dstnat; policy accept;
        fib daddr type local counter jump nat-prerouting-and-output
      }
      chain nat-prerouting-and-output {
        iifname != "ctr0" tcp dport 8022 counter dnat to 10.88.0.2:22 comment "DNAT"
        iifname != "ctr0" ip daddr 10.77.0.1 udp dport 51820 counter dnat to 10.88.0.2:51820 comment "DNAT"
      }
    }`),
};

/**
 * Rules that version 28 and later add: nobody outside reaches the container except through the
 * published port.
 */
const CLOSED_OFF: Record<string, () => void> = {
  "with iptables": () =>
    lab.run(
      "server",
      "iptables-nft -t raw -A PREROUTING -d 10.88.0.2/32 ! -i ctr0 -j DROP".split(" "),
    ),
  "with nftables": () =>
    load(`table ip docker-raw {
      chain raw-PREROUTING { type filter hook prerouting priority raw; policy accept;
        ip daddr 10.88.0.2 iifname != "ctr0" counter drop comment "DROP DIRECT ACCESS"
      }
    }`),
};

describe.each(Object.keys(DOCKER))("ports that Docker publishes %s", (how) => {
  const forwarding = { 4: true, 6: true };
  const routed = () => onServer(() => said(checkRoutedContainers({ ...facts(), forwarding })));

  test("are known as published, and their container as reachable", () => {
    DOCKER[how]!();
    const at =
      "published from 10.88.0.2, and this machine forwards: whoever routes to 10.88.0.2 through it may reach";
    expect(routed()).toEqual([
      `warning 8022/tcp is ${at} 22/tcp there without a knock`,
      `warning 51820/udp is ${at} 51820/udp there without a knock`,
    ]);
    expect(onServer(() => publishedIn(readListing()!, guarded).map(formatPortRange))).toEqual([
      "8022/tcp",
      "51820/udp",
    ]);
  });

  test("are as closed as others where Docker closes the container's address off", () => {
    DOCKER[how]!();
    CLOSED_OFF[how]!();
    expect(routed()).toEqual([
      "ok No guarded port is published from an address that others could route to",
    ]);
  });

  test("are not closed off by a rule about another port", () => {
    DOCKER[how]!();
    load(`table ip other { chain pre { type filter hook prerouting priority raw; policy accept;
      ip daddr 10.88.0.2 tcp dport 443 drop
    } }`);
    expect(routed()).toHaveLength(2);
  });
});

describe("otherTrackers()", () => {
  const CASES = [
    [
      "a table of blocked addresses",
      `table inet f { chain input { ${INPUT}\n ip saddr 192.0.2.1 drop\n } }`,
      false,
    ],
    [
      "a stateful input chain",
      `table inet f { chain input { ${INPUT}\n ct state established accept\n } }`,
      true,
    ],
    [
      "a verdict map of states",
      `table inet f { chain input { ${INPUT}\n ct state vmap { established : accept, invalid : drop }\n } }`,
      true,
    ],
    ["a mark of connections", `table inet f { chain input { ${INPUT}\n ct mark set 7\n } }`, true],
    [
      "address translation",
      "table ip f { chain post { type nat hook postrouting priority 100; policy accept;\n } }",
      true,
    ],
  ] as const;

  test.each(CASES)("of %s", (_, rules, expected) => {
    load(rules);
    onServer(() =>
      loadGuard({ guarded, allow: [], deny: { ip: "reset", ip6: "reset" }, idleMs: [] }),
    );
    expect(onServer(() => otherTrackers(readListing()))).toBe(expected);
  });

  test("of iptables", () => {
    lab.run(
      "server",
      "iptables-nft -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT".split(" "),
    );
    expect(onServer(() => otherTrackers(readListing()))).toBe(true);
  });
});

describe("arrivalsOf()", () => {
  const link = (name: string, address: string): Link => ({
    index: 2,
    name,
    otherNames: [],
    loopback: name === "lo",
    up: true,
    carrier: true,
    addresses: [parseAddress(address)!],
  });
  const links = [link("lo", "127.0.0.1"), link("eth0", "192.0.2.1"), link("docker0", "172.17.0.1")];

  test("takes the interfaces of default routes, and every address but those of loopback", () => {
    const route = `Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
`;
    const v6 = `00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
`;
    const addresses = ["192.0.2.1", "172.17.0.1"];
    expect(arrivalsOf(links, route, "")).toEqual({ interfaces: ["eth0"], addresses });
    expect(arrivalsOf(links, "", v6)).toEqual({ interfaces: ["eth0"], addresses });
  });

  test("takes every interface where nothing outside is routed to", () => {
    expect(arrivalsOf(links, "", "").interfaces).toEqual(["eth0", "docker0"]);
  });
});

describe("probeKernel()", () => {
  test("finds every feature in the kernel that the guard's tests run on, and leaves nothing", () => {
    const probed = onServer(() => probeKernel())!;
    expect(probed.filter(({ refusal }) => refusal !== undefined)).toEqual([]);
    expect(probed.map(({ name }) => name)).toEqual([...FEATURES.map(({ name }) => name), "nflog"]);
    expect(lab.run("server", ["nft", "list", "ruleset"]).out).toBe("");
  });

  test("asks the kernel itself: what it lacks is refused", () => {
    const lacking = {
      name: "no such thing",
      module: "none",
      config: "NONE",
      since: "9",
      // A hook at which the kernel, not the library, refuses this type of chain.
      commands: [
        "add table inet sallyport_doctor",
        "add chain inet sallyport_doctor c { type route hook input priority 0; policy accept; }",
      ],
    };
    const [probed] = onServer(() => probeKernel([lacking]))!;
    expect(probed?.refusal?.reason).toMatch(/not supported|Invalid|No such/);
    expect(onServer(() => runNft("list tables").output)).toBe("");
  });
});

test("ruleTexts() joins what nft wraps, and counts no brace inside quotes", () => {
  const listing = `table inet f {
	chain input {
		comment "the { first"
		type filter hook input priority filter; policy accept;
		tcp dport { 22, 80,
			     443 } accept
		udp dport 53 accept comment "odd } one"
		drop
	}
}
`;
  expect(ruleTexts(listing, "input")).toEqual([
    "tcp dport { 22, 80, 443 } accept",
    'udp dport 53 accept comment "odd } one"',
    "drop",
  ]);
});
