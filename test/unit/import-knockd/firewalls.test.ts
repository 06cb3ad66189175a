/** Commands of knockd that change a firewall, each with its equivalent in a door. */

import { describe, expect, test } from "bun:test";
import { formatPortRange } from "../../../src/core/port.ts";
import { analyse } from "../../../src/import-knockd/analyse.ts";

const IPT = "iptables -A INPUT -s %IP% -p tcp";

/**
 * "+22/tcp" opens, "-22/tcp" closes, "-?" closes a rule that it does not name, "run" must still
 * run.
 */
function done(command: string): string {
  const { opens = [], closes = [], rest, firewall, forMs } = analyse(command);
  return [
    ...opens.map((port) => `+${formatPortRange(port)}`),
    ...(closes === "some" ? ["-?"] : closes.map((port) => `-${formatPortRange(port)}`)),
    ...(forMs === undefined ? [] : [`for ${forMs / 1_000} s`]),
    ...(rest.length === 0 ? [] : [firewall ? "run with privileges" : "run"]),
  ].join(" ");
}

const CASES: readonly (readonly [command: string, what: string])[] = [
  [`${IPT} --dport 22 -j ACCEPT`, "+22/tcp"],
  [
    `/usr/sbin/iptables-legacy -w -I INPUT 1 --source %IP%/32 --protocol tcp --destination-port ssh --jump ACCEPT`,
    "+22/tcp",
  ],
  [`sudo -n /sbin/iptables -t filter -D INPUT -s %IP% -p 6 -m tcp --dport=22 -j ACCEPT`, "-22/tcp"],
  [
    `ip6tables -A INPUT -s %IP% -p udp -m multiport --dports 53,1194,6000:6010 -j ACCEPT`,
    "+53/udp +1194/udp +6000-6010/udp",
  ],
  [`iptables -D INPUT -p tcp --dport 22 -j REJECT --reject-with tcp-reset`, "+22/tcp"],
  [`iptables -A INPUT -s %IP% -p tcp --dport 22 -j DROP`, "-22/tcp"],
  [`iptables -D INPUT 3`, "-?"],
  [`iptables -D INPUT $(iptables -L INPUT --line-numbers | grep %IP%)`, "-?"],
  [`${IPT} --dport 22 -m state --state NEW,ESTABLISHED -j ACCEPT`, "+22/tcp"],
  [`${IPT} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`, ""],
  [`${IPT} --dport 22 -m comment --comment "a -j DROP b" -j ACCEPT`, "+22/tcp"],
  [`${IPT} -j ACCEPT`, "run with privileges"],
  [`iptables -A INPUT -s %IP% -j ACCEPT`, "run with privileges"],
  [`iptables -A INPUT ! -s %IP% -p tcp --dport 22 -j DROP`, "run with privileges"],
  [`iptables -A INPUT -s 192.0.2.1 -p tcp --dport 22 -j ACCEPT`, "run with privileges"],
  [`${IPT} --sport 22 -j ACCEPT`, "run with privileges"],
  [`${IPT} --dport 22 -m limit --limit 3/min -j ACCEPT`, "run with privileges"],
  [`${IPT} --dport 22 -j LOG`, "run with privileges"],
  [`${IPT} --dport nonsense -j ACCEPT`, "run with privileges"],
  [`${IPT} --dport $PORT -j ACCEPT`, "run with privileges"],
  [`iptables -A FORWARD -s %IP% -p tcp --dport 22 -j ACCEPT`, "run with privileges"],
  [`iptables -A OUTPUT -d %IP% -p tcp --sport 22 -j ACCEPT`, "run with privileges"],
  [
    `iptables -t nat -A PREROUTING -s %IP% -p tcp --dport 80 -j REDIRECT --to-ports 8080`,
    "run with privileges",
  ],
  [`iptables -P INPUT ACCEPT`, "run with privileges"],
  [`iptables -F`, "run with privileges"],
  [
    `${IPT} --dport 22 -j ACCEPT && sleep 1m && iptables -D INPUT -s %IP% -p tcp --dport 22 -j ACCEPT`,
    "+22/tcp for 60 s",
  ],
  [`iptables -D INPUT -s %IP% -p tcp --dport 22 -j ACCEPT; ${IPT} --dport 22 -j ACCEPT`, "+22/tcp"],
  [
    `iptables -C INPUT -s %IP% -p tcp --dport 22 -j ACCEPT || ${IPT} --dport 22 -j ACCEPT`,
    "+22/tcp",
  ],
  [`${IPT} --dport 22 -j ACCEPT || logger failed`, "+22/tcp"],
  [`logger a && ${IPT} --dport 22 -j ACCEPT && logger b`, "+22/tcp run"],
  [`${IPT} --dport 22 -j ACCEPT & ${IPT} --dport 80 -j ACCEPT`, "+22/tcp +80/tcp"],
  [`bash -c "${IPT} --dport 22 -j ACCEPT; ${IPT} --dport 23 -j ACCEPT"`, "+22/tcp +23/tcp"],
  [`IPT='/sbin/iptables -w'; $IPT -A INPUT -s %IP% -p tcp --dport 22 -j ACCEPT`, "+22/tcp"],
  [`if true; then ${IPT} --dport 22 -j ACCEPT; fi`, "run with privileges"],
  ["knock_add -i -c INPUT -p tcp -d 443 -f %IP%", "+443/tcp"],
  ["/usr/sbin/knock_helper_ipt.sh --delete --srcaddr %IP% --dstport 443", "-443/tcp"],

  ["ufw allow from %IP% to any port 22", "+22/tcp +22/udp"],
  ["ufw allow from %IP% to any port 22 proto tcp comment 'knock'", "+22/tcp"],
  ["ufw allow proto udp from %IP% to any port 1194", "+1194/udp"],
  ["ufw insert 1 allow in on eth0 from %IP% to any port ssh", "+22/tcp"],
  ["ufw allow from %IP% to any app OpenSSH", "+22/tcp"],
  ["ufw --force delete allow from %IP% to any port 80,443 proto tcp", "-80/tcp -443/tcp"],
  ["ufw deny from %IP% to any port 22 proto tcp", "-22/tcp"],
  ["ufw delete deny 22/tcp", "+22/tcp"],
  ["ufw limit 22/tcp", "+22/tcp"],
  ["ufw delete 3", "-?"],
  ["ufw allow from %IP%", "run with privileges"],
  ["ufw route allow from %IP% to any port 22", "run with privileges"],
  ["ufw allow out 22/tcp", "run with privileges"],
  ["ufw disable", "run with privileges"],
  ["ufw allow 22/tcp && ufw reload", "+22/tcp"],

  ["nft add rule inet filter input ip saddr %IP% tcp dport 22 accept", "+22/tcp"],
  [
    "nft 'insert rule ip filter INPUT position 4 ip saddr %IP% tcp dport { 22, 80-81 } ct state new counter accept comment \"x y\"'",
    "+22/tcp +80-81/tcp",
  ],
  ["nft add rule inet filter input ip6 saddr %IP% udp dport 53 drop", "-53/udp"],
  ["nft delete rule inet filter input handle 12", "-?"],
  ["nft delete rule inet filter input handle $(nft -a list ruleset | grep %IP%)", "-?"],
  ["nft add rule inet filter input ip saddr != %IP% tcp dport 22 drop", "run with privileges"],
  ["nft add rule inet filter input ip saddr %IP% accept", "run with privileges"],
  ["nft add rule inet filter forward ip saddr %IP% tcp dport 22 accept", "run with privileges"],
  ["nft add element inet filter knocked { %IP% }", "run with privileges"],
  ["nft -f /etc/nftables.conf", "run with privileges"],

  [
    `firewall-cmd --add-rich-rule='rule family="ipv4" source address="%IP%" port port="22" protocol="tcp" accept'`,
    "+22/tcp",
  ],
  [
    `firewall-cmd --zone=public --remove-rich-rule 'rule family=ipv4 source address=%IP% service name=ssh accept'`,
    "-22/tcp",
  ],
  [
    `firewall-cmd --add-rich-rule='rule source NOT address="%IP%" port port="22" protocol="tcp" drop'`,
    "run with privileges",
  ],
  [
    `firewall-cmd --add-rich-rule='rule family="ipv4" source address="%IP%" accept'`,
    "run with privileges",
  ],
  ["firewall-cmd --add-port=22/tcp --timeout=5m", "+22/tcp for 300 s"],
  ["firewall-cmd --permanent --add-service=ssh && firewall-cmd --reload", "+22/tcp"],
  ["firewall-cmd --add-source=%IP% --zone=trusted", "run with privileges"],
  [
    "firewall-cmd --direct --remove-rule ipv4 filter INPUT 0 -s %IP% -p tcp --dport 22 -j ACCEPT",
    "-22/tcp",
  ],

  [`${IPT} --dport 22 -j ACCEPT >> /var/log/knock.log 2>&1`, "+22/tcp"],
  [`$(which iptables) -A INPUT -s %IP% -p tcp --dport 22 -j ACCEPT`, "+22/tcp"],
  ["`command -v ufw` allow 22/tcp", "+22/tcp"],
  [
    `${IPT} --dport 22 -j ACCEPT; (sleep 60; iptables -D INPUT -s %IP% -p tcp --dport 22 -j ACCEPT) &`,
    "+22/tcp for 60 s",
  ],
  [`${IPT} --dport 22 -j ACCEPT; (sleep 60; logger closed) &`, "run with privileges"],
  ["sleep 5; iptables -D INPUT -s %IP% -p tcp --dport 22 -j ACCEPT", "-22/tcp"],
  ["echo 'the iptables of %IP%' | mail root", "run"],
  [
    "for p in 1 2; do /sbin/iptables -A INPUT -p tcp --dport $p -j ACCEPT; done",
    "run with privileges",
  ],
  ["echo 22 | xargs iptables -A INPUT -j ACCEPT --dport", "run with privileges"],
  [
    'nft add rule inet filter input ip saddr %IP% meta l4proto udp th dport 53 log prefix "k" accept',
    "+53/udp",
  ],
  [
    "nft add rule inet filter input ip saddr %IP% ip ttl 64 tcp dport 22 accept",
    "run with privileges",
  ],

  ["ipset add knocked %IP%", "run with privileges"],
  ["/usr/local/bin/lights on", "run"],
  ["echo iptables -A INPUT", "run"],
  ["sleep 5 && /usr/local/bin/lights on", "run"],
  ["pfctl -t knocked -T add %IP%", ""],
  ["", ""],
];

const KEPT = 'not convertible to "opens": kept as a command';
const GUARD = "and sallyport guards them itself";
const FORWARDED = '"opens" with the outer number guards that too';
const UNSURE = "where it lets the knocker in";

/** The advice for commands that a door cannot replace. */
const ADVICE: readonly (readonly [command: string, advice: string])[] = [
  [`iptables -A INPUT -s %IP% -j ACCEPT`, GUARD],
  [`iptables -D INPUT -s %IP% -j ACCEPT`, GUARD],
  [`${IPT} --dport 22 -m limit --limit 3/min -j ACCEPT`, GUARD],
  [`iptables -A INPUT -s %IP% -j DROP`, KEPT],
  [`iptables -D INPUT -s %IP% -j DROP`, KEPT],
  [`iptables -I INPUT -s %IP% --jump=REJECT`, KEPT],
  [`iptables -A INPUT -m recent --set -s %IP% -j DROP`, KEPT],
  [`iptables -A INPUT ! -s %IP% -p tcp --dport 22 -j DROP`, KEPT],
  [`${IPT} --dport 22 -j LOG`, KEPT],
  [`iptables -P INPUT DROP`, KEPT],
  [`iptables -t nat -A PREROUTING -s %IP% -p tcp --dport 80 -j DNAT --to 10.0.0.2`, KEPT],
  [`iptables -A PREROUTING --table=nat -s %IP% -j ACCEPT`, KEPT],
  [`iptables -A OUTPUT -d %IP% -p tcp --sport 22 -j ACCEPT`, KEPT],
  [`iptables -A FORWARD -s %IP% -p tcp --dport 22 -j ACCEPT`, FORWARDED],
  [`iptables -A DOCKER-USER -s %IP% -j RETURN`, FORWARDED],
  [`iptables -A FORWARD -s %IP% -j DROP`, KEPT],
  [`iptables -F`, UNSURE],
  [`${IPT} --dport $PORT -j ACCEPT`, UNSURE],
  ["ufw insert 1 deny from %IP%", KEPT],
  ["ufw delete reject from %IP%", KEPT],
  ["ufw allow out to %IP%", KEPT],
  ["ufw route allow from %IP%", FORWARDED],
  ["ufw allow from %IP%", GUARD],
  ["ufw enable", UNSURE],
  ["nft add rule inet filter input ip saddr %IP% drop", KEPT],
  ["nft add rule ip nat prerouting ip saddr %IP% tcp dport 80 dnat to 10.0.0.2", KEPT],
  ["nft add rule ip filter forward ip saddr %IP% accept", FORWARDED],
  ["nft add rule inet filter input ip saddr %IP% accept", GUARD],
  ["nft add element inet filter banned { %IP% }", UNSURE],
  [`firewall-cmd --add-rich-rule='rule family="ipv4" source address="%IP%" drop'`, KEPT],
  [`firewall-cmd --add-rich-rule='rule family="ipv4" source address="%IP%" accept'`, GUARD],
  ["firewall-cmd --add-forward-port=port=80:proto=tcp:toaddr=10.0.0.2", KEPT],
  ["firewall-cmd --direct --add-rule ipv4 nat PREROUTING 0 -s %IP% -j ACCEPT", KEPT],
  ["firewall-cmd --add-source=%IP% --zone=trusted", UNSURE],
  ["firewall-cmd --zone=drop --add-source=%IP%", KEPT],
  ["ipset add banned %IP%", UNSURE],
  ["for p in 1 2; do iptables -A INPUT -p tcp --dport $p -j DROP; done", UNSURE],
];

describe("analyse()", () => {
  test.each(ADVICE)("advises of %s what does not turn it round: %s", (command, advice) => {
    const { rest, remarks } = analyse(command);
    expect(rest).toHaveLength(1);
    const texts = remarks
      .map(({ text }) => text)
      .filter((text) => / as a command|guards/.test(text));
    expect(texts).toEqual([expect.stringContaining(advice)]);
    expect(texts.join().includes('remove "run"')).toBe(advice === GUARD);
  });

  test.each(CASES)("%s: %s", (command, what) => {
    expect(done(command)).toBe(what);
  });
});
