/**
 * How many knocks a second the capture takes without losing one, and what one costs:
 *
 *     bun scripts/bench-capture.ts [COUNT] [PACKETS_PER_SECOND]
 *
 * A process in one network namespace floods another with SYNs over a veth pair; this one polls,
 * captures and decodes them. Needs root. The sender and the kernel share the processors with it.
 */

import { knockFilter } from "../src/capture/filter.ts";
import { openInterface } from "../src/capture/interface.ts";
import { LocalAddresses } from "../src/capture/local-addresses.ts";
import { emptyKnock } from "../src/core/knock.ts";
import { LinkType } from "../src/core/link-type.ts";
import { decodeFrame } from "../src/decode/frame.ts";
import { enterNamespace } from "../src/native/net-namespace.ts";
import { PollSet } from "../src/native/poll-set.ts";
import { packFrames } from "../test/support/flood.ts";
import { frame, ipv4, tcp } from "../test/support/frames.ts";
import { Lab } from "../test/support/lab.ts";

/** How long the flood may be silent before it counts as over, in milliseconds. */
const SILENCE_MS = 1_000;

const BATCH = 512;

/** Ends packets after the capture saw them and before the rest of the kernel does. */
const QUIET = `table inet bench {
  chain quiet { type filter hook prerouting priority raw; policy drop; }
}`;

async function bench(interfaceName: string, count: number, perSecond: number): Promise<void> {
  using lab = new Lab();
  const mac = lab.run("server", ["cat", "/sys/class/net/ctr0/address"]).out.trim().split(":");
  const destination = Uint8Array.from(mac, (byte) => Number.parseInt(byte, 16));
  const frames = Array.from({ length: 4096 }, (_, i) => {
    const packet = ipv4(`10.88.${1 + (i >> 8)}.${i & 255}`, "10.88.0.1", tcp(20_000 + i));
    return frame(LinkType.ethernet, packet, { destination });
  });

  // Without it this machine spends most of its time on resets, and the flood stays slow.
  lab.run("server", ["nft", "-f", "-"], { input: QUIET });

  using open = new DisposableStack();
  open.use(enterNamespace(`/run/netns/${lab.namespace("server")}`));
  const source = openInterface(interfaceName, (linkType) =>
    knockFilter([{ proto: "tcp", from: 20_000, to: 52_767 }], linkType),
  );
  const local = open.use(new LocalAddresses());
  open.defer(() => source.close());
  const poll = new PollSet();
  poll.add(source.fd);
  const knock = emptyKnock();
  let knocks = 0;
  const sink = (view: DataView, offset: number, length: number, timeMs: number) => {
    if (!decodeFrame(source.linkType, view, offset, length, knock)) return;
    if (!local.has(knock.family, knock.d0, knock.d1, knock.d2, knock.d3)) return;
    knock.timeMs = timeMs;
    knocks++;
  };

  const flood = Bun.spawn(
    `ip netns exec ${lab.namespace("container")} ${process.execPath} test/support/flood.ts eth0 ${count} ${perSecond}`.split(
      " ",
    ),
    { stdin: packFrames(frames), stdout: "pipe", stderr: "inherit" },
  );
  // The sender's frames reach it through a pipe that this thread feeds.
  while (source.drain(sink, BATCH) === 0) await Bun.sleep(1);
  const before = process.cpuUsage();
  const start = performance.now();
  let last = start;
  while (performance.now() - last < SILENCE_MS) {
    if (poll.wait(100) === 0) continue;
    source.drain(sink, BATCH);
    last = performance.now();
  }
  const cpu = process.cpuUsage(before);
  const { dropped } = source.stats();
  const sent = JSON.parse(await new Response(flood.stdout).text()) as { sent: number };
  const seconds = (last - start) / 1000;
  console.log(
    [
      `capture on ${interfaceName}: ${sent.sent} sent`,
      `${Math.round(knocks / seconds)} knocks/s`,
      `${dropped} dropped`,
      `${((cpu.user + cpu.system) / knocks).toFixed(2)} µs CPU each`,
      `${(cpu.user / knocks).toFixed(2)} of it in user space`,
    ].join(", "),
  );
}

const [count = "2000000", perSecond = "300000"] = process.argv.slice(2);
for (const name of ["ctr0", "any"]) await bench(name, Number(count), Number(perSecond));
