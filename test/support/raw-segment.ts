/** Single TCP segments and UDP datagrams made by hand: forged, repeated, out of any connection. */

import type { Host, Lab } from "./lab.ts";

const RAW = `
import select, socket, struct, sys, time
address, port, source_port, flags, wait, spoof = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]), sys.argv[6]
v6 = ":" in address
family = socket.AF_INET6 if v6 else socket.AF_INET
probe = socket.socket(family, socket.SOCK_DGRAM)
probe.connect((address, 9))
source = spoof or probe.getsockname()[0]
pack = lambda a: socket.inet_pton(family, a)
def checksum(b):
    b += b"\\0" * (len(b) % 2)
    s = sum(struct.unpack("!%dH" % (len(b) // 2), b))
    while s >> 16: s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff
def segment(check):
    return struct.pack("!HHIIBBHHH", source_port, port, 1000, 0 if flags == 2 else 1, 5 << 4, flags, 64240, check, 0)
if v6: pseudo = pack(source) + pack(address) + struct.pack("!IHBB", 20, 0, 0, 6)
else: pseudo = pack(source) + pack(address) + struct.pack("!BBH", 0, 6, 20)
body = segment(checksum(pseudo + segment(0)))
listen = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_TCP)
if v6:
    out = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
    packet = struct.pack("!IHBB", 6 << 28, 20, 6, 64) + pack(source) + pack(address) + body
    out.sendto(packet, (address, 0))
else:
    out = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
    packet = struct.pack("!BBHHHBBH", 0x45, 0, 40, 1, 0, 64, 6, 0) + pack(source) + pack(address) + body
    out.sendto(packet, (address, 0))
end = time.monotonic() + wait
while (left := end - time.monotonic()) > 0:
    if not select.select([listen], [], [], left)[0]: break
    data = listen.recv(4096)
    if not v6: data = data[(data[0] & 15) * 4:]
    sport, dport = struct.unpack("!HH", data[:4])
    if (sport, dport) == (port, source_port) and data[13] != flags:
        print({0x12: "accepted", 0x04: "refused", 0x14: "refused"}.get(data[13], data[13]))
        break
else: print("silent")
`;

export const Flags = { syn: 0x02, ack: 0x10, fin: 0x01, rst: 0x04 } as const;

export interface RawSegment {
  readonly to: string;
  readonly port: number;
  readonly sourcePort: number;
  /** Default: a pure SYN. */
  readonly flags?: number;
  /** Default: the host's own address. */
  readonly from?: string;
}

/**
 * Sends one segment. Returns the reply within half a second: "accepted" (SYN and ACK), "refused"
 * (RST), "silent", or the flags as a number. The host's own stack then resets a connection that it
 * does not know, unless its rules prevent that.
 */
export function sendSegment(lab: Lab, host: Host, segment: RawSegment): string {
  const { to, port, sourcePort, flags = Flags.syn, from = "" } = segment;
  const argv = [to, port, sourcePort, flags, 0.5, from].map(String);
  const said = lab.run(host, ["python3", "-c", RAW, ...argv]).out.trim();
  return said === "" ? "silent" : said;
}
