/**
 * Odd packets to a guarded port, and the replies: every option of TCP and of IP, extension headers
 * of IPv6, impossible sources, headers that are cut or say a wrong length, and frames to groups.
 * Compared with the answers of a port without a listener.
 */

import type { Host, Lab } from "./lab.ts";

const PROBES = String.raw`
import json, select, socket, struct, sys, time
device, address, mac, me, port = sys.argv[1], sys.argv[2], bytes.fromhex(sys.argv[3].replace(":", "")), sys.argv[4], int(sys.argv[5])
v6 = ":" in address
family = socket.AF_INET6 if v6 else socket.AF_INET
pack = lambda a: socket.inet_pton(family, a)
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)); wire.bind((device, 0))
wire.setsockopt(socket.SOL_SOCKET, 33, 8 << 20) # SO_RCVBUFFORCE
wire.setsockopt(263, 1, # SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_MR_PROMISC
    struct.pack("iHH8s", socket.if_nametoindex(device), 1, 0, b""))
own = wire.getsockname()[4]
def checksum(b):
    b += b"\0" * (len(b) % 2)
    s = sum(struct.unpack("!%dH" % (len(b) // 2), b))
    while s >> 16: s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff
def pad(b, to=4, by=b"\1"): return b + by * (-len(b) % to)
def tcp(sport, source, flags=2, options=b"", payload=b"", seq=1000, ack=0, words=None, cut=None):
    offset = 5 + len(options) // 4 if words is None else words
    def build(check): return (struct.pack("!HHIIBBHHH", sport, port, seq, ack, offset << 4, flags, 64240, check, 0) + options + payload)[:cut]
    whole = build(0)
    p = pack(source) + pack(address) + (struct.pack("!IHBB", len(whole), 0, 0, 6) if v6 else struct.pack("!BBH", 0, 6, len(whole)))
    return build(checksum(p + whole))
def udp(sport, source, payload=b"x" * 20, says=None, covers=None, check=None, cut=None):
    # The length that it says, and the one that its checksum covers, with the same in the pseudo header.
    length = 8 + len(payload) if says is None else says
    covered = length if covers is None else covers
    def build(check): return (struct.pack("!HHHH", sport, port, length, check) + payload)[:cut]
    p = pack(source) + pack(address) + (struct.pack("!IHBB", covered, 0, 0, 17) if v6 else struct.pack("!BBH", 0, 17, covered))
    return build((checksum(p + build(0)[:covered]) or 0xffff) if check is None else check)
def ip(proto, body, source, options=b"", tos=0):
    if v6:
        first, chain = proto, b""
        for kind, rest in reversed(options or []):
            chain = bytes([first]) + rest + chain; first = kind
        return struct.pack("!IHBB", 6 << 28 | tos << 20, len(chain) + len(body), first, 64) + pack(source) + pack(address) + chain + body
    ihl = 5 + len(options) // 4
    def build(check): return struct.pack("!BBHHHBBH", 0x40 | ihl, tos, ihl * 4 + len(body), 7, 0, 64, proto, check) + pack(source) + pack(address) + options
    return build(checksum(build(0))) + body
probes = []  # name, builder(sport) -> ip packet, ethernet address
def add(name, build, to=mac): probes.append((name, build, to))
FLAGS = {"SYN": 2, "ACK": 16, "FIN": 1}
for f, bits in FLAGS.items():
    for kind in range(2, 256):
        length = {2: 4, 3: 3, 4: 2, 5: 10, 8: 10, 19: 18, 29: 16}.get(kind, 6)
        add(f"{f}, TCP option {kind}", lambda s, k=kind, l=length, b=bits: ip(6, tcp(s, me, b, pad(bytes([k, l]) + bytes(l - 2)), ack=77 if b & 16 else 0), me))
    for name, o in {
        "option 254 of length 0": b"\xfe\0" + bytes(22), "option 254 of length 1": b"\xfe\1" + bytes(22), "option 254 beyond the header": b"\xfe\x28" + bytes(22),
        "option 254 beyond a short header": b"\xfe\x28\0\0", "MD5 of length 17": pad(b"\x13\x11" + bytes(15)), "MD5 of length 4": b"\x13\4\0\0" + b"\1" * 20,
        "MD5 after the end": pad(b"\0\x13\x12" + bytes(16)), "MD5 after NOP": pad(b"\1\1\x13\x12" + bytes(16)), "MD5 twice": pad(b"\x13\x12" + bytes(16)) + pad(b"\x13\x12" + bytes(16)),
        "MD5 and AO": pad(b"\x13\x12" + bytes(16)) + b"\x1d\x10" + bytes(14), "AO of length 4": b"\x1d\4\0\0" + b"\1" * 20, "AO short": b"\x1d\4\0\0", "AO of length 3": b"\x1d\3\0\1"+ b"\1" * 20, "AO after the end": b"\0\x1d\x10" + bytes(13),
        "MD5 inside of another option": pad(b"\xfe\x14\x13\x12" + bytes(16)), "MD5 cut": b"\x13\x12\0\0",
        "end alone": b"\0\0\0\0", "NOPs": b"\1" * 40, "AO twice": (b"\x1d\x10" + bytes(14)) * 2, "AO and kind 28": b"\x1d\x10" + bytes(14) + b"\x1c\4\0\0", "kind 28 and AO": b"\x1c\4\0\0" + b"\x1d\x10" + bytes(14),
        "usual": b"\2\4\5\xb4\4\2\x08\x0a" + bytes(8) + b"\1\3\3\7"}.items():
        add(f"{f}, {name}", lambda s, o=o, b=bits: ip(6, tcp(s, me, b, o, ack=77 if b & 16 else 0), me))
L4 = {"SYN": lambda s, a: (6, tcp(s, a)), "ACK": lambda s, a: (6, tcp(s, a, 16, ack=77)), "FIN": lambda s, a: (6, tcp(s, a, 1)), "UDP": lambda s, a: (17, udp(s, a))}
for f, l4 in L4.items():
    if not v6:
        for kind in range(2, 256):
            o = {7: b"\7\7\4" + bytes(4), 68: b"\x44\x0c\5\0" + bytes(8), 130: b"\x82\x0b" + bytes(9), 134: b"\x86\x0a\0\0\0\1\1\4\0\1", 131: b"\x83\7\4" + bytes(4), 137: b"\x89\7\4" + bytes(4), 136: b"\x88\4\0\1", 148: b"\x94\4\0\0"}.get(kind, bytes([kind, 4, 0, 0]))
            add(f"{f}, IP option {kind}", lambda s, o=o, l4=l4: ip(*l4(s, me), me, pad(o)))
        for name, o in {"LSRR done": b"\x83\7\x08" + bytes(4), "SSRR done": b"\x89\7\x08" + bytes(4), "LSRR to itself": b"\x83\7\4" + pack(address), "RR full": b"\7\7\x08" + bytes(4), "LSRR after NOP": b"\1\1\1\x83\7\4" + bytes(4), "LSRR of length 2": b"\x83\2\0\0", "LSRR twice": b"\x83\7\4" + bytes(4) + b"\1\x83\7\4" + bytes(4), "LSRR after the end": b"\0\x83\7\4" + bytes(4),
            "RR of length 2": b"\7\2\0\0", "option of length 0": b"\x50\0\0\0", "option beyond the header": b"\x50\x20\0\0", "NOPs": b"\1" * 40, "end": b"\0" * 4, "TS full": b"\x44\x04\5\0", "TS overflow": b"\x44\x04\5\xf0"}.items():
            add(f"{f}, {name}", lambda s, o=o, l4=l4: ip(*l4(s, me), me, pad(o)))
    else:
        padn = b"\0\1\4\0\0\0\0"
        for name, chain in {"hop-by-hop padding": [(0, padn)], "destination padding": [(60, padn)], "two destination headers": [(60, padn), (60, padn)], "hop-by-hop and destination": [(0, padn), (60, padn)],
            **{f"destination option {k:#x}": [(60, b"\0" + bytes([k, 4]) + bytes(4))] for k in range(2, 256)}, **{f"hop-by-hop option {k:#x}": [(0, b"\0" + bytes([k, 4]) + bytes(4))] for k in (0x1e, 0x5e, 0x9e, 0xde, 5, 0xc2, 7)},
            "destination option beyond the header": [(60, b"\0\x1e\x40" + bytes(4))],
            **{f"routing header type {t}, {left} left": [(43, b"\2" + bytes([t, left]) + bytes(4) + pack(address))] for t in (0, 1, 2, 3, 4, 5, 253) for left in (0, 1)},
            "routing header of no length": [(43, b"\0\0\0" + bytes(4))],
            "AH": [(51, b"\4" + bytes(22))], "fragment header alone": [(44, b"\0\0\0" + bytes(4))], "mobility": [(135, b"\0\0\0" + bytes(4))], "shim6": [(140, b"\0\0\0" + bytes(4))], "HIP": [(139, b"\0\0\0" + bytes(4))], "hop-by-hop not first": [(60, padn), (0, padn)],
            }.items():
            add(f"{f}, {name}", lambda s, c=chain, l4=l4: ip(*l4(s, me), me, c))
    sources = ["10.77.255.255", "255.255.255.255", "10.77.0.0", "224.0.0.1", "239.1.2.3", "0.0.0.0", "0.1.2.3", "127.0.0.1", "127.9.9.9", address, "240.0.0.1", "10.77.0.99", "169.254.1.1", "198.51.100.9", "10.88.0.77", "10.88.0.255"] if not v6 else ["::", "::1", "ff02::1", address, "fe80::1234", "::ffff:10.77.0.2", "fd77::", "2001:db8::9", "::10.77.0.2", "100::1", "fd88::77", "fd77::9999"]
    for a in sources: add(f"{f}, from {a}", lambda s, a=a, l4=l4: ip(*l4(s, a), a))
    for tos in (0x10, 0xb8, 3): add(f"{f}, TOS {tos}", lambda s, l4=l4, tos=tos: ip(*l4(s, me), me, b"" if not v6 else [], tos))
for name, s0 in {"port 0": 0, "port 1": 1, "the same port": port}.items():
    add(f"SYN, from {name}", lambda s, q=s0: ip(6, tcp(q, me), me)); add(f"UDP, from {name}", lambda s, q=s0: ip(17, udp(q, me), me))
for f, bits in FLAGS.items():
    ack = 77 if bits & 16 else 0
    for size in (0, 4, 20, 39, 40):
        for words in range(16): add(f"{f}, header of {words} words, {size} bytes behind the first 5", lambda s, w=words, o=b"\1" * size, b=bits, a=ack: ip(6, tcp(s, me, b, payload=o, ack=a, words=w), me))
    for cut in (14, 16, 18, 19): add(f"{f} of {cut} bytes", lambda s, c=cut, b=bits, a=ack: ip(6, tcp(s, me, b, ack=a, cut=c), me))
    for name, to in {"everybody": b"\xff" * 6, "a group": bytes.fromhex("01005e000001")}.items(): add(f"{f}, in a frame to {name}", lambda s, b=bits, a=ack: ip(6, tcp(s, me, b, ack=a), me), to)
for size in (0, 1, 20):
    real = 8 + size
    for says in sorted({0, 1, 4, 7, 8, 9, 12, real - 1, real, real + 1, real + 4, 1000, 65535}):
        for how, covers, check in (("whole", real, None), ("its own", says, None), ("no", 0, 0)):
            if says < real and how == "its own": how = "right" # also behind its end
            kind = "UDP with bytes behind its end:" if 8 <= says < real else "UDP of"
            add(f"{kind} {real} bytes that says {says}, checksum {how}", lambda s, p=b"x" * size, l=says, c=covers, k=check: ip(17, udp(s, me, p, l, c, k), me))
for cut in (4, 6, 7): add(f"UDP of {cut} bytes", lambda s, c=cut: ip(17, udp(s, me, cut=c), me))
for name, to in {"everybody": b"\xff" * 6, "a group": bytes.fromhex("01005e000001")}.items(): add(f"UDP, in a frame to {name}", lambda s: ip(17, udp(s, me), me), to)
if v6:
    atomic, padn = (44, b"\0\0\0" + bytes(4)), b"\0\1\4\0\0\0\0"
    for f, l4 in L4.items():
        for name, chain in {"destination options and an atomic fragment": [(60, padn), atomic], "hop-by-hop and an atomic fragment": [(0, padn), atomic], "an atomic fragment and destination options": [atomic, (60, padn)], "two atomic fragments": [atomic, atomic]}.items():
            add(f"{f}, {name}", lambda s, c=chain, l4=l4: ip(*l4(s, me), me, c))
heard = {}
def l4of(p):
    if p[0] >> 4 == 4: return p[9], (p[0] & 15) * 4
    n, at = p[6], 40
    while n in (0, 43, 44, 51, 60, 135, 139, 140) and at + 2 <= len(p):
        n, at = p[at], at + (8 if n == 44 else (p[at + 1] + 2) * 4 if n == 51 else (p[at + 1] + 1) * 8)
    return n, at
def blank_times(b, at, end): # of the option timestamp
    while at < end and b[at] != 0:
        if b[at] == 1: at += 1; continue
        if b[at + 1] < 2: return
        if b[at] == 68: b[at + 4:at + b[at + 1]] = bytes(b[at + 1] - 4)
        at += b[at + 1]
def hear(frame):
    p = frame[14:]
    if frame[12:14] not in (b"\x08\0", b"\x86\xdd"): return
    n, at = l4of(p)
    b = bytearray(p)
    if p[0] >> 4 == 4:
        b[10:12] = b"\0\0"
        blank_times(b, 20, (p[0] & 15) * 4)
    else: b[1] &= 0xf0; b[2:4] = b"\0\0"
    if n == 6 and len(p) >= at + 20:
        sport, dport = struct.unpack("!HH", p[at:at + 4])
        if sport != port: return
        b[at:at + 4] = bytes(4); b[at + 16:at + 18] = b"\0\0"
        heard.setdefault(dport, []).append(b.hex())
    elif (n == 1 and p[at] in (3, 11, 12)) or (n == 58 and p[at] < 128):
        q = p[at + 8:]
        m, inner = l4of(q)
        if len(q) < inner + 4: return
        sport, dport = struct.unpack("!HH", q[inner:inner + 4])
        if dport != port: return
        b[at + 2:at + 4] = b"\0\0"
        if p[0] >> 4 == 4: b[4:6] = b"\0\0"; b[at + 8 + 10:at + 8 + 12] = b"\0\0"; blank_times(b, at + 28, at + 8 + inner)
        i = at + 8 + inner
        b[i:i + 4] = bytes(4)
        c = i + (16 if m == 6 else 6)
        b[c:c + 2] = b"\0\0"
        heard.setdefault(sport, []).append(b.hex())
def drain(seconds):
    end = time.monotonic() + seconds
    while True:
        left = end - time.monotonic()
        if left <= 0 or not select.select([wire], [], [], left)[0]: break
        frame, sender = wire.recvfrom(65535)
        if sender[2] != 4: hear(frame)
for i, (name, build, to) in enumerate(probes):
    wire.send(to + own + (b"\x86\xdd" if v6 else b"\x08\0") + build(20000 + i))
    drain(0.0005)
drain(0.4)
out = {}
for i, (name, build, to) in enumerate(probes):
    key = {"port 0": 0, "port 1": 1, "the same port": port}.get(name.split("from ")[-1], 20000 + i)
    out[name] = heard.get(key, [])
print(json.dumps(out))
`;

/** The sender of the probes: a host on the server's link, or one behind a router. */
export interface Vantage {
  readonly host: Host;
  readonly device: string;
  readonly from4: string;
  readonly from6: string;
  /** The receiver of the frames: the server itself, or the router. */
  readonly next: Host;
}

export const LINK: Vantage = {
  host: "stranger",
  device: "eth0",
  from4: "10.77.0.3",
  from6: "fd77::3",
  next: "server",
};

/**
 * Makes the client a router: 10.99.0.0/24 and fd99::/64 are behind it, with the container there.
 */
export function behindRouter(lab: Lab): Vantage {
  const far = lab.namespace("container");
  lab.run("client", ["ip", "link", "add", "far0", "type", "veth", "peer", "far1", "netns", far]);
  for (const [host, device, last] of [
    ["client", "far0", 1],
    ["container", "far1", 2],
  ] as const) {
    lab.addAddress(host, device, `10.99.0.${last}/24`);
    lab.addAddress(host, device, `fd99::${last}/64`);
    lab.run(host, ["ip", "link", "set", device, "up"]);
  }
  lab.run("client", [
    "sysctl",
    "-qw",
    "net.ipv4.ip_forward=1",
    "net.ipv6.conf.all.forwarding=1",
    "net.ipv4.icmp_ratelimit=0",
    "net.ipv6.icmp.ratelimit=0",
  ]);
  lab.run("server", ["ip", "route", "add", "10.99.0.0/24", "via", lab.address4.client]);
  lab.run("server", ["ip", "-6", "route", "add", "fd99::/64", "via", lab.address6.client]);
  // The router finds the host behind it once its own address there is no longer tentative: RFC 4862, 5.4.
  for (const address of ["10.99.0.2", "fd99::2"]) {
    lab.run("client", ["ping", "-q", "-c", "1", "-w", "10", address]);
  }
  return {
    host: "container",
    device: "far1",
    from4: "10.99.0.2",
    from6: "fd99::2",
    next: "client",
  };
}

/**
 * Probes that the stack answers in a way that no rule can, as docs/firewall.md lists them. The
 * guard answers these like others.
 */
const BEYOND_RULES = [
  // The stack's resets return these options of IPv4.
  /^(SYN|ACK|FIN), (IP option (7|68|134)|RR full|TS full)$/,
  // A malformed list of options leaves kernels from 6.7 silent, others not.
  /^(SYN|ACK|FIN), (option 254|MD5|AO) (of|beyond|after the end)/,
  // From 6.7 on, a kernel that does not verify TCP-AO is silent where it reads one.
  /^(SYN|ACK|FIN), AO (twice|and kind 28)$/,
  // Extension headers that the kernel refuses, it refuses after the last hook.
  /^\w+, (destination option|routing header|hop-by-hop not first|two atomic fragments)/,
  // No rule can compare the length of a datagram with that of its packet.
  /^UDP with bytes behind its end/,
];

/** The results of the same odd probes to two ports. */
export interface Oddities {
  readonly probes: number;
  /** Answered differently, although rules could see the difference; each with both answers. */
  readonly different: readonly string[];
  /** Answered differently, as documented. */
  readonly known: number;
}

/** The answers to each probe, by name; ports, checksums, identifications and flow labels blanked. */
function answers(lab: Lab, vantage: Vantage, server: string, port: number) {
  const { host, device, next } = vantage;
  const link = next === "client" ? "far0" : "eth0";
  const mac = lab.run(next, ["cat", `/sys/class/net/${link}/address`]).out.trim();
  const from = server.includes(":") ? vantage.from6 : vantage.from4;
  const argv = ["python3", "-c", PROBES, device, server, mac, from, String(port)];
  return JSON.parse(lab.run(host, argv).out) as Record<string, string[]>;
}

/** Sends some two thousand odd probes to both ports, and compares what comes back. */
export function compareOddities(
  lab: Lab,
  vantage: Vantage,
  { server, guarded, closed }: { server: string; guarded: number; closed: number },
): Oddities {
  // The kernel answers a host with few ICMP errors a second, guarded port or not.
  lab.run("server", [
    "sysctl",
    "-qw",
    "net.ipv4.icmp_ratelimit=0",
    "net.ipv6.icmp.ratelimit=0",
    "net.ipv4.icmp_msgs_per_sec=1000000",
    "net.ipv4.icmp_msgs_burst=1000000",
  ]);
  // Neighbours are known before, and no address is tentative: an answer must not wait for either.
  const own = (server.includes(":") ? lab.address6 : lab.address4).server;
  lab.run(vantage.host, ["ping", "-q", "-c", "1", "-w", "10", own]);
  const compared = () => {
    const expected = answers(lab, vantage, server, closed);
    const found = answers(lab, vantage, server, guarded);
    const names = Object.keys(expected).filter(
      (name) => expected[name]!.join() !== found[name]!.join(),
    );
    return { expected, found, names };
  };
  const first = compared();
  // A network that begins to carry packets in between makes a difference once; a guard makes it each time.
  const isKnown = (name: string) => BEYOND_RULES.some((kind) => kind.test(name));
  const { expected, found, names: again } = first.names.every(isKnown) ? first : compared();
  const names = again.filter((name) => first.names.includes(name));
  const known = names.filter(isKnown);
  return {
    probes: Object.keys(expected).length,
    different: names
      .filter((name) => !known.includes(name))
      .map(
        (name) =>
          `${name}: ${expected[name]!.join() || "silence"} ≠ ${found[name]!.join() || "silence"}`,
      ),
    known: known.length,
  };
}
