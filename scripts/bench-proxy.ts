/**
 * What `sallyport proxy` costs an ssh: `bun scripts/bench-proxy.ts [ROUNDS]`, as root, after `scripts/build
 * --host`. In network namespaces of its own, a real sshd is reached directly, through nc, and through sallyport
 * in both of its ways, in turns (default: 15), and behind a closed door. Prints medians, and beside them the
 * median of the ratios to the first row of the same turn: what else the machine does hits a whole turn.
 */

import { median, rounded } from "../test/bench/figures.ts";
import { EXECUTABLE } from "../test/support/executable.ts";
import type { ProxyClient } from "../test/support/proxy-client.ts";
import { type Answers, ProxyLab } from "../test/support/proxy-lab.ts";

const ROUNDS = Number(process.argv[2] ?? 15);
const KEY_PRESSES = 200;
const MEGABYTES = 32;
const MEBI = 1_048_576;

/** Lines of ssh_config above those of all. */
const ways = (client: ProxyClient): Record<string, string> => {
  const lines = client.lines();
  const plain = lines.replaceAll(/^ *Proxy.*\n/gm, "");
  return {
    "ssh alone": plain,
    "through nc": plain.replace(/^Host home.*\n/m, "$&  ProxyCommand nc %h %p\n"),
    "sallyport proxy, socket passed": lines,
    "sallyport proxy, bytes carried": lines.replace(/^ *ProxyUseFdpass.*\n/m, ""),
  };
};

async function milliseconds(action: () => unknown): Promise<number> {
  const begin = Bun.nanoseconds();
  await action();
  return (Bun.nanoseconds() - begin) / 1e6;
}

function must({ code, err }: { readonly code: number; readonly err: string }): void {
  if (code !== 0) throw new Error(`exit code ${code}: ${err}`);
}

const login = (client: ProxyClient) => milliseconds(() => must(client.ssh("home", "true")));

const shell = (client: ProxyClient, command: string) => must(client.run("sh", "-c", command));

/** What is carried is made and thrown away on both sides; the login is in the time, as for any copy. */
const speed = async (ms: Promise<number>) => (MEGABYTES * 1_000) / (await ms);

const zeros = `head -c ${MEGABYTES * MEBI} /dev/zero`;

const down = (client: ProxyClient) =>
  speed(milliseconds(() => shell(client, `ssh -F ${client.config} home ${zeros} >/dev/null`)));

const up = (client: ProxyClient) =>
  speed(
    milliseconds(() => shell(client, `${zeros} | ssh -F ${client.config} home "cat >/dev/null"`)),
  );

/** From a byte written to its echo, in a session that stands. */
async function keyPress(client: ProxyClient): Promise<number> {
  const child = client.start("ssh", "-F", client.config, "home", "cat");
  const reader = child.stdout.getReader();
  const press = () =>
    milliseconds(async () => {
      void child.stdin.write("x");
      await child.stdin.flush();
      await reader.read();
    });
  await press(); // after the login
  const times: number[] = [];
  for (let i = 0; i < KEY_PRESSES; i++) times.push(await press());
  await child.stdin.end();
  await child.exited;
  return median(times);
}

const MEASURES = [
  { name: "login", unit: "ms", run: login },
  { name: "key press and echo", unit: "ms", run: keyPress },
  { name: "download", unit: "MB/s", run: down },
  { name: "upload", unit: "MB/s", run: up },
];

/** The first of `taken` is what the others are compared with. */
function table(title: string, unit: string, taken: ReadonlyMap<string, readonly number[]>): void {
  console.log(`${title}, median of ${ROUNDS}:`);
  const [beside = []] = taken.values();
  for (const [way, values] of taken) {
    const ratio = median(values.map((value, turn) => value / beside[turn]!));
    const shown = `${rounded(median(values))}`.padStart(8);
    console.log(`  ${way.padEnd(36)}${shown} ${unit.padEnd(5)} × ${ratio.toFixed(2)}`);
  }
}

/** The door is open by hand: what is measured is the way alone. */
async function measureWays(lab: ProxyLab): Promise<void> {
  using client = lab.client();
  must(lab.server.command("open", "ssh", "10.77.0.2", "--for", "1h"));
  const all = Object.entries(ways(client));
  for (const { name, unit, run } of MEASURES) {
    const taken = new Map(all.map(([way]) => [way, [] as number[]]));
    for (let round = 0; round < ROUNDS; round++) {
      for (const [way, lines] of all) {
        client.write(lines);
        taken.get(way)!.push(await run(client));
      }
    }
    table(`${name}, door open`, unit, taken);
  }
}

/** Each login has a user of its own, whose slots are all unused. */
async function measureKnocks(lab: ProxyLab, answers: Answers): Promise<void> {
  const alone: number[] = [];
  const proxied: number[] = [];
  const knocked: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    using client = lab.client();
    const plain = ways(client)["ssh alone"]!;
    proxied.push(await login(client));
    client.write(plain);
    alone.push(await login(client));
    using other = lab.client();
    other.write(plain);
    const command = `${EXECUTABLE} knock home >/dev/null && ssh -F ${other.config} home true`;
    knocked.push(await milliseconds(() => shell(other, command)));
  }
  const closed = answers === "drop" ? "are silent" : "refuse";
  const taken = new Map([
    ["ssh alone, door open", alone],
    ["sallyport proxy, door closed", proxied],
    ["sallyport knock && ssh, door closed", knocked],
  ]);
  table(`login where closed ports ${closed}`, "ms", taken);
}

for (const answers of ["reset", "drop"] as const) {
  await using lab = await new ProxyLab(answers).start();
  if (answers === "reset") await measureWays(lab);
  await measureKnocks(lab, answers);
}
