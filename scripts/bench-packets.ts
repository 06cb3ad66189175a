/**
 * What the guard costs a packet on its way in: `bun scripts/bench-packets.ts`, as root. Sends the same
 * 64 packets 1,500 times through namespaces of its own, with and without a guard, and prints the fifth
 * percentile in nanoseconds a packet, its answer included: what a processor without other work needs.
 */

import { loadGuard, removeGuard } from "../src/firewall/guard.ts";
import { inside } from "../test/support/inside.ts";
import { Lab } from "../test/support/lab.ts";
import { FrameList, PacketSocket } from "../test/support/packet-socket.ts";

const PACKETS = 64;
const ROUNDS = 1_500;
const GUARDED = 2_222;
const CLOSED = 3_333;
/** Nobody answers there. */
const OPEN = 9_999;

using lab = new Lab();
const RECEIVER = `
import socket, time
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("", ${OPEN}))
print("listening", flush=True); time.sleep(1000)`;
await lab.start("server", ["python3", "-c", RECEIVER]).stdout.getReader().read();
// The client's own stack would answer resets and errors, at our cost.
lab.run("client", ["nft", "-f", "-"], {
  input: `table ip quiet {\n chain pre {\n type filter hook prerouting priority -400;
    tcp flags rst drop\n icmp type destination-unreachable drop\n }\n}\n`,
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
  for (let i = 0; i < PACKETS; i++) {
    const frame = memory.subarray(i * length, (i + 1) * length);
    const view = new DataView(frame.buffer, frame.byteOffset);
    frame.set([...macs, 0x08, 0x00, 0x45, 0, 0, length - 14, 0, 0, 0, 0, 64, number, 0, 0]);
    frame.set([10, 77, 0, 2, 10, 77, 0, 1], 26);
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

function nanoseconds(socket: PacketSocket, packets: FrameList): string {
  const times = Array.from({ length: ROUNDS }, () => {
    const begin = Bun.nanoseconds();
    socket.sendList(packets, 0, PACKETS);
    return (Bun.nanoseconds() - begin) / PACKETS;
  });
  times.sort((a, b) => a - b);
  return times[Math.floor(ROUNDS / 20)]!.toFixed(0).padStart(6);
}

const onServer = (fn: () => void) => inside(lab.namespace("server"), fn);
const guard = (deny: "reset" | "drop") =>
  loadGuard({
    guarded: [{ proto: "tcp", from: GUARDED, to: GUARDED }],
    allow: [],
    deny: { ip: deny, ip6: deny },
    idleMs: [],
  });

using socket = inside(lab.namespace("client"), () => new PacketSocket("eth0"));
for (const [name, load] of [
  ["no guard", removeGuard],
  ["deny = reset", () => guard("reset")],
  ["deny = drop", () => guard("drop")],
] as const) {
  onServer(load);
  const [guarded, closed, open] = [
    packetsTo("tcp", GUARDED),
    packetsTo("tcp", CLOSED),
    packetsTo("udp", OPEN),
  ].map((packets) => nanoseconds(socket, packets));
  console.log(
    `${name.padEnd(13)} guarded port${guarded}   closed port${closed}   open port, not guarded${open} ns`,
  );
}
