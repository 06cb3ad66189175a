/**
 * What the guard costs a packet on its way in, and a connection to a port that it does not guard:
 * `bun scripts/bench-packets.ts [ROUNDS]`, as root. Takes turns between several tables in namespaces of
 * its own and prints the tenth percentile of each in nanoseconds, answers included: what a processor
 * without other work needs. The sender is the same processor, so a row says something beside the others.
 */

import { loadGuard, removeGuard } from "../src/firewall/guard.ts";
import { runNft } from "../src/native/libnftables.ts";
import { ConnectionLoop } from "../test/support/connection-loop.ts";
import { inside } from "../test/support/inside.ts";
import { Lab } from "../test/support/lab.ts";
import { FrameList, PacketSocket } from "../test/support/packet-socket.ts";

const ROUNDS = Number(process.argv[2] ?? 40);
/** Packets of one system call, and connections in a row: in less than a millisecond others seldom come between. */
const PACKETS = 64;
const CONNECTIONS = 10;
/** Of both in a round. */
const SAMPLES = 40;

/** A guarded port with a grant for the client, and one without. */
const GRANTED = 2_222;
const GUARDED = 2_223;
/** Not guarded: nobody listens; a UDP service that does not answer; a TCP service. */
const CLOSED = 3_333;
const SILENT = 9_999;
const SERVICE = 8_080;

using lab = new Lab();
const { server, client } = lab.address4;
const RECEIVER = `
import socket, time
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("", ${SILENT}))
print("listening", flush=True); time.sleep(1000)`;
await lab.start("server", ["python3", "-c", RECEIVER]).stdout.getReader().read();
// The client's own stack would answer resets and errors, at our cost.
lab.run("client", ["nft", "-f", "-"], {
  input: `table ip quiet {\n chain pre {\n type filter hook prerouting priority -400;
    tcp sport != ${SERVICE} tcp flags rst drop\n icmp type destination-unreachable drop\n }\n}\n`,
});
// What is let in ends here, so that no service is in the measurement.
lab.run("server", ["nft", "-f", "-"], {
  input: `table ip sink {\n chain input {\n type filter hook input priority 100;
    tcp dport ${GRANTED} drop\n }\n}\n`,
});

function macOf(host: "server" | "client"): number[] {
  const text = lab.run(host, ["cat", "/sys/class/net/eth0/address"]).out.trim();
  return text.split(":").map((byte) => Number.parseInt(byte, 16));
}

function checksum(bytes: Uint8Array, seed = 0): number {
  let sum = seed;
  for (let at = 0; at < bytes.length; at += 2) sum += (bytes[at]! << 8) + (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** First packets from the client to a port of the server, each from a port of its own. */
function packetsTo(proto: "tcp" | "udp", port: number): FrameList {
  const behind = proto === "tcp" ? 20 : 28;
  const length = 14 + 20 + behind;
  const memory = new Uint8Array(PACKETS * length);
  const macs = [...macOf("server"), ...macOf("client")];
  const number = proto === "tcp" ? 6 : 17;
  const words = (address: string) => address.split(".").map(Number);
  for (let i = 0; i < PACKETS; i++) {
    const frame = memory.subarray(i * length, (i + 1) * length);
    const view = new DataView(frame.buffer, frame.byteOffset);
    frame.set([...macs, 0x08, 0x00, 0x45, 0, 0, length - 14, 0, 0, 0, 0, 64, number, 0, 0]);
    frame.set([...words(client), ...words(server)], 26);
    view.setUint16(24, checksum(frame.subarray(14, 34)));
    view.setUint16(34, 30_000 + i);
    view.setUint16(36, port);
    if (proto === "tcp") frame.set([0x50, 0x02, 0xfa, 0xf0], 46);
    else view.setUint16(38, behind);
    const sum = checksum(frame.subarray(26), number + behind);
    view.setUint16(34 + (proto === "tcp" ? 16 : 6), sum);
  }
  return new FrameList(
    memory,
    Array.from({ length: PACKETS }, (_, i) => [i * length, length] as const),
  );
}

using socket = inside(lab.namespace("client"), () => new PacketSocket("eth0"));
using loop = new ConnectionLoop(lab.namespace("server"), lab.namespace("client"), server, SERVICE);

/** A column: nanoseconds of a packet or a connection, measured several times. */
type Sample = () => readonly number[];

function packets(proto: "tcp" | "udp", port: number): Sample {
  const list = packetsTo(proto, port);
  return () =>
    Array.from({ length: SAMPLES }, () => {
      const begin = Bun.nanoseconds();
      socket.sendList(list, 0, PACKETS);
      return (Bun.nanoseconds() - begin) / PACKETS;
    });
}

const connections: Sample = () => Array.from({ length: SAMPLES }, () => loop.run(CONNECTIONS));

const COLUMNS: readonly (readonly [title: string, sample: Sample])[] = [
  ["let in", packets("tcp", GRANTED)],
  ["denied", packets("tcp", GUARDED)],
  ["closed port", packets("tcp", CLOSED)],
  ["open port, not guarded", packets("udp", SILENT)],
  ["connection, not guarded", connections],
];

function nft(commands: string): void {
  const { ok, error } = runNft(commands);
  if (!ok) throw new Error(error);
}

function guard(deny: "reset" | "drop"): void {
  const guarded = [GRANTED, GUARDED].map((port) => ({
    proto: "tcp" as const,
    from: port,
    to: port,
  }));
  loadGuard({ guarded, allow: [], deny: { ip: deny, ip6: deny }, kinds: ["plain"], idleMs: [] });
  nft(`add element inet sallyport grants4 { ${client} . tcp . ${GRANTED} timeout 1h }`);
}

/** The least that guards: rules as of the simplest contestant of `scripts/bench`. */
const SIMPLEST = `table inet simplest {
  set open { type ipv4_addr; flags dynamic,timeout; size 65535; elements = { ${client} timeout 1h } }
  chain input { type filter hook input priority 0; policy accept;
    ct state established accept
    ip saddr @open tcp dport ${GRANTED} accept
    tcp dport ${GRANTED}-${GUARDED} reject with tcp reset
  }
}`;

const TRACKING = `table inet tracking {
  chain input { type filter hook input priority 0; policy accept; ct state established accept; }
}`;

/** Tracks connections to guarded ports alone. Translation of other ports would end with it. */
const UNTRACKED = `table inet untracked {
  chain early { type filter hook prerouting priority -300; policy accept;
    tcp dport ${GRANTED}-${GUARDED} accept
    notrack
  }
  chain late { type filter hook output priority -300; policy accept;
    tcp sport ${GRANTED}-${GUARDED} accept
    notrack
  }
  chain input { type filter hook input priority 0; policy accept; ct state established accept; }
}`;

const ROWS: readonly (readonly [title: string, load: () => void, unload: () => void])[] = [
  ["no table", () => {}, () => {}],
  ["tracking alone", () => nft(TRACKING), () => nft("delete table inet tracking")],
  ["tracking of guarded ports", () => nft(UNTRACKED), () => nft("delete table inet untracked")],
  ["simplest rules", () => nft(SIMPLEST), () => nft("delete table inet simplest")],
  ["guard, deny = reset", () => guard("reset"), removeGuard],
  ["guard, deny = drop", () => guard("drop"), removeGuard],
];

const times = ROWS.map(() => COLUMNS.map((): number[] => []));
for (let round = 0; round <= ROUNDS; round++) {
  for (const [r, [, load, unload]] of ROWS.entries()) {
    inside(lab.namespace("server"), load);
    for (const [c, [, sample]] of COLUMNS.entries()) {
      const taken = sample();
      // The first round is for the engine.
      if (round > 0) times[r]![c]!.push(...taken);
    }
    inside(lab.namespace("server"), unload);
  }
}

function tenth(values: number[]): string {
  values.sort((a, b) => a - b);
  return values[Math.floor(values.length / 10)]!.toFixed(0);
}

const lines = ROWS.map(([title], r) => ({
  table: title,
  ...Object.fromEntries(COLUMNS.map(([column], c) => [column, tenth(times[r]![c]!)])),
}));
console.log(Bun.inspect.table(lines));
