/**
 * What a grant costs: `bun scripts/bench-firewall.ts [COUNT]`, as root. Opens COUNT grants (default
 * 2,000) with a one-time use each in a network namespace of its own, the same through libnftables,
 * and fewer through the nft and iptables commands. Prints a line for each, in microseconds.
 */

import { run } from "../test/support/programs.ts";
import { inside } from "../test/support/inside.ts";
import { KernelGrants } from "../src/firewall/grants.ts";
import { loadGuard } from "../src/firewall/guard.ts";
import { runNft } from "../src/native/libnftables.ts";

const COUNT = Number(process.argv[2] ?? 2_000);
const COMMANDS = 50;
const name = `sallyport-${process.pid}-bench`;

const text = (i: number) => `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;

/** Runs `action` `count` times after a warm-up and prints the median and the 99th percentile. */
function measure(what: string, count: number, action: (i: number) => void): void {
  const warmUp = Math.ceil(count / 4);
  const times: number[] = [];
  for (let i = 0; i < warmUp + count; i++) {
    const begin = Bun.nanoseconds();
    action(i);
    if (i >= warmUp) times.push((Bun.nanoseconds() - begin) / 1_000);
  }
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(times.length * share)]!.toFixed(1).padStart(9);
  console.log(`${what.padEnd(44)} p50${at(0.5)} µs   p99${at(0.99)} µs   (${count} runs)`);
}

function benchmark(): void {
  loadGuard({
    guarded: [{ proto: "tcp", from: 22, to: 22 }],
    allow: [],
    deny: { ip: "reset", ip6: "reset" },
    idleMs: [],
  });
  using grants = KernelGrants.open();
  const ids = new Uint8Array(16 * COUNT * 2);
  for (let at = 0; at < ids.length; at += 65_536)
    crypto.getRandomValues(ids.subarray(at, at + 65_536));
  const open = (base: number, i: number, withUse: boolean) =>
    grants.open({
      address: { family: 4, a0: (base << 24) + i, a1: 0, a2: 0, a3: 0 },
      prefix6: 128,
      ports: [{ proto: "tcp", from: 22, to: 22 }],
      kind: "plain",
      openMs: 600_000,
      label: "ssh alice/laptop",
      ...(withUse && { use: { id: ids.subarray(16 * i, 16 * i + 16), forMs: 120_000 } }),
    });
  measure("open, grant and use (libnftnl)", COUNT, (i) => open(11, i, true));
  measure("open, grant alone (libnftnl)", COUNT, (i) => open(12, i, false));
  measure("open, renewed (libnftnl)", COUNT, (i) => open(11, i % 64, false));
  measure("add element (libnftables)", COUNT, (i) => {
    runNft(`add element inet sallyport fixed4 { ${text(i)} . tcp . 22 timeout 10m }`);
  });
  measure("add element (nft command)", COMMANDS, (i) => {
    const element = `{ ${text(1_000_000 + i)} . tcp . 22 timeout 10m }`;
    run(["nft", "add", "element", "inet", "sallyport", "fixed4", element]);
  });
  measure("append a rule (iptables command)", COMMANDS, (i) => {
    run(["iptables", "-A", "INPUT", "-s", text(i), "-p", "tcp", "--dport", "22", "-j", "ACCEPT"]);
  });
  const elements = Array.from({ length: 60_000 }, (_, i) => `${text(i)} . tcp . 22 timeout 1h`);
  runNft("flush set inet sallyport grants4");
  runNft(`add element inet sallyport grants4 { ${elements.join(", ")} }`);
  measure("list 60,000 grants", 8, () => grants.list());
  measure("load the guard over 60,000 grants", 4, () =>
    loadGuard({
      guarded: [{ proto: "tcp", from: 22, to: 22 }],
      allow: [],
      deny: { ip: "reset", ip6: "reset" },
      idleMs: [],
    }),
  );
}

run(["ip", "netns", "add", name]);
try {
  inside(name, benchmark);
} finally {
  run(["ip", "netns", "delete", name]);
}
