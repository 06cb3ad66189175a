/**
 * How fast a door opens, beside knockd on the same wire in the same run:
 *   - inside: from the capture of the last knock to the kernel's acknowledgement, as the daemon measures it;
 *   - outside: from sending the last knock to the first connection that is let in, as the client sees it.
 * Also: time from start to ready, resident memory idle, and the size of the executable.
 * Usage: scripts/bun scripts/bench-openings.ts [OPENINGS]   (root; namespaces of its own; default 500)
 */

import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatKeys } from "../src/config/keys.ts";
import { newMaster } from "../src/rks/key.ts";
import { DEFAULT_SPACE } from "../src/rks/space.ts";
import { sequencePorts } from "../src/rks/sequence.ts";
import { slotAt } from "../src/rks/slot.ts";
import { EXECUTABLE } from "../test/support/executable.ts";
import { GuardedServer } from "../test/support/guarded-server.ts";
import { Lab } from "../test/support/lab.ts";
import { startEcho } from "../test/support/service.ts";

const OPENINGS = Number(process.argv[2] ?? 500);
const KNOCKD_OPENINGS = Math.min(100, OPENINGS);

/** Knocks, then tries to connect until it is let in; prints the milliseconds from the last knock to that. */
const CLIENT = `
import json, socket, sys, time
def knock(source, port, udp=False):
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.setblocking(False)
    s.bind((source, 0))
    s.connect_ex(("10.77.0.1", port))
    s.close()
for source, ports in json.load(sys.stdin):
    time.sleep(0.02)
    for port in ports:
        time.sleep(0.0001) # as far apart as sallyport's own client sends them
        sent = time.perf_counter()
        knock(source, port)
    while time.perf_counter() - sent < 2:
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        s.settimeout(0.5)
        s.bind((source, 0))
        try:
            s.connect(("10.77.0.1", 8080))
            print((time.perf_counter() - sent) * 1000)
            s.close()
            break
        except OSError:
            s.close()
            time.sleep(0.0001) # a client that spins would keep the server's thread from a core both share
`;

interface Figures {
  readonly count: number;
  readonly median: number;
  readonly p99: number;
}

function figures(values: readonly number[]): Figures {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (q: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN;
  return { count: sorted.length, median: at(0.5), p99: at(0.99) };
}

function line(name: string, { count, median, p99 }: Figures): void {
  console.log(
    `${name.padEnd(44)} ${count} openings, median ${median.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`,
  );
}

function addSources(lab: Lab, count: number): string[] {
  return Array.from({ length: count }, (_, i) => {
    const source = `10.77.${10 + Math.floor(i / 250)}.${1 + (i % 250)}`;
    lab.addAddress("client", "eth0", `${source}/16`);
    return source;
  });
}

function clientTimes(
  lab: Lab,
  knocks: readonly (readonly [string, readonly number[]])[],
): number[] {
  const { out } = lab.run("client", ["python3", "-c", CLIENT], { input: JSON.stringify(knocks) });
  return out.trim().split("\n").map(Number);
}

async function benchSallyport(): Promise<void> {
  using lab = new Lab();
  await startEcho(lab, "server", 8080);
  const users = Array.from({ length: OPENINGS }, (_, i) => `user${i}`);
  const keys = users.map((user) => ({ user, device: "default", key: newMaster() }));
  await using server = new GuardedServer(
    lab,
    `[door.web]\nopens = ["8080/tcp"]\nusers = ${JSON.stringify(users)}\nopen_for = "2s"\n`,
  );
  mkdirSync(join(server.dir, "state"), { mode: 0o700 });
  writeFileSync(join(server.dir, "state", "keys.toml"), formatKeys(keys), { mode: 0o600 });
  // The keys are new: without this the daemon would wait until no knock of theirs could be a repeat.
  writeFileSync(join(server.dir, "state", "first-start"), "");
  const before = performance.now();
  await server.start();
  const readyMs = performance.now() - before;
  const sources = addSources(lab, OPENINGS);
  const outside: number[] = [];
  // In portions, so that every knock is of its present slot.
  for (let at = 0; at < OPENINGS; at += 50) {
    const portion = keys.slice(at, at + 50).map(({ key }, i) => {
      const slot = slotAt(Date.now(), DEFAULT_SPACE.stepSeconds);
      return [sources[at + i]!, [...sequencePorts(key, "web", DEFAULT_SPACE, slot)]] as const;
    });
    outside.push(...clientTimes(lab, portion));
  }
  await server.waitForLog(new RegExp(` by user${OPENINGS - 1}/`));
  const inside = [...server.log.matchAll(/([\d.]+) ms after the last knock/g)].map(([, ms]) =>
    Number(ms),
  );
  line("sallyport, inside (capture → kernel)", figures(inside));
  line("sallyport, outside (last knock → connected)", figures(outside));
  const rss = Number(
    /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, "utf8"))?.[1],
  );
  console.log(
    `resident memory with ${OPENINGS} users after the run   ${(rss / 1024).toFixed(0)} MiB`,
  );
  console.log(`start → guarding, listening, ready            ${readyMs.toFixed(0)} ms`);
}

/** The same door by knockd, as its manual has it: a firewall command per opening. */
async function benchKnockd(): Promise<void> {
  using lab = new Lab();
  await startEcho(lab, "server", 8080);
  lab.run("server", ["nft", "-f", "-"], {
    input: `table inet gate {
      set open { type ipv4_addr; flags timeout; }
      chain in { type filter hook input priority 0; tcp dport 8080 ip saddr @open accept; tcp dport 8080 reject with tcp reset; }
    }\n`,
  });
  const dir = `/tmp/sallyport-bench-${process.pid}`;
  mkdirSync(dir);
  writeFileSync(
    join(dir, "knockd.conf"),
    `[options]
  logfile = ${dir}/log
[web]
  sequence = 7001,7003,7002
  seq_timeout = 5
  tcpflags = syn
  start_command = /usr/sbin/nft add element inet gate open { %IP% timeout 2s }
`,
  );
  lab.start("server", ["knockd", "-i", "eth0", "-c", join(dir, "knockd.conf")]);
  await Bun.sleep(500);
  const sources = addSources(lab, KNOCKD_OPENINGS);
  const times = clientTimes(
    lab,
    sources.map((source) => [source, [7001, 7003, 7002]] as const),
  );
  line("knockd 0.8 + nft, outside (same client)", figures(times));
}

console.log(
  `executable                                    ${(statSync(EXECUTABLE).size / 1e6).toFixed(0)} MB`,
);
await benchSallyport();
await benchKnockd();
