/**
 * P15: a guarded port answers byte for byte like any other closed port of the host, and nothing
 * else shows.
 */

import { Lab } from "../support/lab.ts";
import { behindRouter, compareOddities, LINK } from "../support/odd-probes.ts";
import { CLIENT, SERVER, SERVER6, Stage, STRANGER, webDoor } from "./stage.ts";
import { type Finding, finding, type Scale, type Trial } from "./trial.ts";

/**
 * Sends each probe to both ports, one after the other, and prints where the replies differ without
 * port and checksums; then the median time to a reply, in microseconds, of each port.
 */
const COMPARE = `
import json, random, select, socket, statistics, struct, sys, time
address, guarded, other, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
only = sys.argv[5]
v6 = ":" in address
family = socket.AF_INET6 if v6 else socket.AF_INET
me = socket.socket(family, socket.SOCK_DGRAM); me.connect((address, 9)); source = me.getsockname()[0]
pack = lambda a: socket.inet_pton(family, a)
out = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x86dd if v6 else 0x0800)); tap.bind(("eth0", 0))
def checksum(b):
    b += b"\\0" * (len(b) % 2)
    s = sum(struct.unpack("!%dH" % (len(b) // 2), b))
    while s >> 16: s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff
def packet(proto, body, tos=0, ttl=64, ident=7, frag=0):
    if v6: return struct.pack("!IHBB", 6 << 28 | tos << 20, len(body), proto, ttl) + pack(source) + pack(address) + body
    return struct.pack("!BBHHHBBH", 0x45, tos, 20 + len(body), ident, frag, ttl, proto, 0) + pack(source) + pack(address) + body
def pseudo(proto, length):
    if v6: return pack(source) + pack(address) + struct.pack("!IHBB", length, 0, 0, proto)
    return pack(source) + pack(address) + struct.pack("!BBH", 0, proto, length)
def tcp(sport, dport, flags, seq=1000, ack=0, payload=b"", options=b"", bad=0):
    def build(check): return struct.pack("!HHIIBBHHH", sport, dport, seq, ack, (5 + len(options) // 4) << 4, flags, 64240, check, 0) + options + payload
    whole = build(0)
    return build(checksum(pseudo(6, len(whole)) + whole) ^ bad)
def udp(sport, dport, payload=b"x", bad=0):
    def build(check): return struct.pack("!HHHH", sport, dport, 8 + len(payload), check) + payload
    return build((checksum(pseudo(17, 8 + len(payload)) + build(0)) or 0xffff) ^ bad)
SYN, RST, ACK, FIN, PSH, URG = 2, 4, 16, 1, 8, 32
MSS = struct.pack("!BBHBBBB", 2, 4, 1460, 4, 2, 1, 1); STAMP = struct.pack("!BBBBII", 1, 1, 8, 10, 12345, 0)
PROBES = {
  "SYN": lambda s, d: packet(6, tcp(s, d, SYN)), "SYN with options": lambda s, d: packet(6, tcp(s, d, SYN, options=MSS)),
  "SYN with timestamp": lambda s, d: packet(6, tcp(s, d, SYN, options=STAMP)),
  "SYN with data": lambda s, d: packet(6, tcp(s, d, SYN, payload=b"hello")),
  "SYN with ECN bits": lambda s, d: packet(6, tcp(s, d, SYN | 0xc0)),
  "SYN with acknowledgement number": lambda s, d: packet(6, tcp(s, d, SYN, ack=99)),
  "SYN, TOS 0x10": lambda s, d: packet(6, tcp(s, d, SYN), tos=0x10), "SYN, TOS 0xb8": lambda s, d: packet(6, tcp(s, d, SYN), tos=0xb8),
  "SYN, TTL 3": lambda s, d: packet(6, tcp(s, d, SYN), ttl=3), "SYN, don't fragment": lambda s, d: packet(6, tcp(s, d, SYN), frag=0x4000),
  "SYN, bad checksum": lambda s, d: packet(6, tcp(s, d, SYN, bad=0x5555)),
  "SYN and FIN": lambda s, d: packet(6, tcp(s, d, SYN | FIN)), "SYN and RST": lambda s, d: packet(6, tcp(s, d, SYN | RST)),
  "SYN and ACK": lambda s, d: packet(6, tcp(s, d, SYN | ACK, ack=77)), "ACK": lambda s, d: packet(6, tcp(s, d, ACK, ack=77)),
  "ACK with data": lambda s, d: packet(6, tcp(s, d, ACK | PSH, ack=77, payload=b"x")), "RST": lambda s, d: packet(6, tcp(s, d, RST)),
  "FIN": lambda s, d: packet(6, tcp(s, d, FIN)), "FIN and ACK": lambda s, d: packet(6, tcp(s, d, FIN | ACK, ack=77)),
  "no flag": lambda s, d: packet(6, tcp(s, d, 0)), "all flags": lambda s, d: packet(6, tcp(s, d, 0x3f)),
  "FIN, PSH and URG": lambda s, d: packet(6, tcp(s, d, FIN | PSH | URG)),
  "UDP": lambda s, d: packet(17, udp(s, d)), "UDP empty": lambda s, d: packet(17, udp(s, d, b"")),
  "UDP 1,200 bytes": lambda s, d: packet(17, udp(s, d, b"y" * 1200)), "UDP, TOS 0x10": lambda s, d: packet(17, udp(s, d), tos=0x10),
  "UDP, bad checksum": lambda s, d: packet(17, udp(s, d, bad=0x5555)),
}
def exchange(build, sport, dport, wait):
    while select.select([tap], [], [], 0)[0]: tap.recv(65535)
    began = time.perf_counter()
    out.sendto(build(sport, dport), (address, 0))
    while (left := began + wait - time.perf_counter()) > 0:
        if not select.select([tap], [], [], left)[0]: break
        frame, sender = tap.recvfrom(65535)
        if sender[2] == 4: continue
        p = frame[14:]
        if (p[8:24] if v6 else p[12:16]) != pack(address): continue
        proto = p[6] if v6 else p[9]
        header = 40 if v6 else (p[0] & 15) * 4
        if proto in (6, 17) and struct.unpack("!H", p[header + 2:header + 4])[0] != sport: continue
        if v6 and proto == 58 and p[header] not in (1, 3): continue
        return p, proto, header, (time.perf_counter() - began) * 1e6
    return None
def blank(reply, port):
    if reply is None: return "silence"
    p, proto, header, _ = reply
    b = bytearray(p)
    if not v6: b[10:12] = b"\\0\\0"
    else: b[1] &= 0xf0; b[2:4] = b"\\0\\0"
    if proto == 6: b[header:header + 4] = bytes(4); b[header + 16:header + 18] = b"\\0\\0"
    else:
        b[header + 2:header + 4] = b"\\0\\0"
        if not v6: b[4:6] = b"\\0\\0"
        inner = header + 8 + (40 if v6 else 20)
        b[inner:inner + 4] = bytes(4); b[inner + 6:inner + 8] = b"\\0\\0"; b[inner + 16:inner + 18] = b"\\0\\0"
    return b.hex()
different, sport = {}, 41000
PROBES = {name: build for name, build in PROBES.items() if ("TOS" in name) == (only == "TOS")}
for name, build in PROBES.items():
    pair = []
    for port in (guarded, other):
        sport += 1
        pair.append(blank(exchange(build, sport, port, 0.1), port))
    if pair[0] != pair[1]: different[name] = pair
times = {guarded: [], other: []}
for i in range(rounds):
    for port in random.sample((guarded, other), 2):
        sport = 41000 + (sport - 40999) % 20000
        if reply := exchange(next(iter(PROBES.values())), sport, port, 0.1): times[port].append(reply[3])
print(json.dumps({"probes": len(PROBES), "different": different, "us": [statistics.median(t) if t else None for t in times.values()]}))
`;

interface Comparison {
  readonly probes: number;
  /** Probe → the replies of the guarded and of the other port, in hexadecimal. */
  readonly different: Record<string, [string, string]>;
  readonly us: [number | null, number | null];
}

const DOOR = `[door.web]\nopens = ["8080/tcp", "8080/udp"]\nusers = ["alice"]\n`;

/** How far the medians may differ: less than one more hop adds. */
const MOST_APART_US = 25;

/** Kinds of probe: by the type of service they carry, or by everything else. */
type Kind = "plain" | "TOS";

function compare(lab: Lab, address: string, rounds: number, kind: Kind): Comparison {
  // The kernel sends one ICMP error a second to a host; the comparison asks for more.
  lab.run("server", ["sysctl", "-qw", "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0"]);
  const argv = ["python3", "-c", COMPARE, address, "8080", "8081", String(rounds), kind];
  return JSON.parse(lab.run("stranger", argv).out) as Comparison;
}

async function identical(
  address: string,
  scale: Scale,
  { deny = "reset", kind = "plain" }: { deny?: "reset" | "drop"; kind?: Kind } = {},
): Promise<Finding> {
  await using stage = await Stage.set(`${DOOR}[guard]\ndeny = "${deny}"\n`);
  if (deny === "drop") {
    stage.lab.run("server", ["nft", "-f", "-"], {
      input: `table inet other { chain input { type filter hook input priority 0; policy drop;
        ct state established,related accept\n iif lo accept\n icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept\n }\n}\n`,
    });
  }
  const rounds = deny === "drop" ? 0 : scale === "full" ? 500 : 30;
  const { probes, different, us } = compare(stage.lab, address, rounds, kind);
  const names = Object.entries(different);
  const [guarded, other] = us;
  const apart = guarded === null || other === null ? 0 : Math.abs(guarded - other);
  const said = names.map(([name, [a, b]]) => `${name} (${a} ≠ ${b})`).join("; ");
  const time =
    guarded === null ? "silence" : `median ${guarded.toFixed(0)} and ${other?.toFixed(0)} µs`;
  return finding(
    names.length === 0 && (scale === "quick" || apart < MOST_APART_US),
    `${probes} kinds of probe, ${names.length} answered differently${said && `: ${said}`}; ${time}`,
  );
}

/** A host whose input chain drops the rest; neighbours find each other. */
const DROPS = `table inet other { chain input { type filter hook input priority 0; policy drop;
  ct state established,related accept\n iif lo accept\n icmp type echo-request accept
  icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, echo-request } accept\n }\n}\n`;

async function oddities(
  server: string,
  { router = false, deny = "reset" }: { router?: boolean; deny?: "reset" | "drop" } = {},
): Promise<Finding> {
  await using stage = await Stage.set(`${DOOR}[guard]\ndeny = "${deny}"\n`);
  const { lab } = stage;
  if (deny === "drop") lab.run("server", ["nft", "-f", "-"], { input: DROPS });
  const vantage = router ? behindRouter(lab) : LINK;
  const { probes, different, known } = compareOddities(lab, vantage, {
    server,
    guarded: 8_080,
    closed: 8_081,
  });
  const said = different.slice(0, 5).join("; ");
  return finding(
    different.length === 0,
    `${probes} odd probes, ${different.length} answered differently${said && `: ${said}`}, ` +
      `${known} as docs/firewall.md says that they are`,
  );
}

async function nmapSees(): Promise<Finding> {
  await using stage = await Stage.set(DOOR);
  const words = ["-n", "-Pn", "--reason", "-oG", "-", "-vv", "-p", "8000-8100", SERVER];
  const results = ["-sS", "-sA", "-sF", "-sN", "-sX", "-sW"].map((scan) => {
    const { out } = stage.lab.run("stranger", ["nmap", scan, "--max-retries", "2", ...words]);
    const found = /Ports: ([^\t\n]*)/.exec(out)?.[1] ?? "";
    const states = new Set(found.split(", ").map((entry) => entry.split("/")[1] ?? ""));
    // -oG leaves out the common results of all ports.
    return { scan, odd: states.size > 1 };
  });
  const odd = results.filter((one) => one.odd).map(({ scan }) => scan);
  return finding(
    odd.length === 0,
    `six kinds of nmap scan over 8000–8100: the guarded port stands out in ${odd.join(", ") || "none"}`,
  );
}

/** Every number of the unauthenticated listener that is not a clock or a memory size. */
function openFigures(stage: Stage): Map<string, string> {
  const read = (path: string) =>
    stage.lab.run("server", ["curl", "-s", `http://127.0.0.1:7878${path}`]).out;
  const metrics = read("/metrics").matchAll(/^([a-z_]+(?:\{[^}]*\})?) (\S+)$/gm);
  const figures = new Map([...metrics].map(([, name = "", value = ""]) => [name, value]));
  figures.set("readyz", read("/readyz"));
  return figures;
}

async function partialMatch(): Promise<Finding> {
  await using stage = await Stage.set(webDoor());
  await stage.roomInSlot(5_000);
  const right = stage.ports().slice(0, 7);
  const moved = async (from: string, ports: readonly number[]) => {
    const before = openFigures(stage);
    await stage.wire.knock(
      "client",
      ports.map((port) => ({ from, to: SERVER, port })),
    );
    await stage.settled();
    const after = openFigures(stage);
    return [...after]
      .filter(([name, value]) => before.get(name) !== value)
      .map(([name, value]) => `${name} +${Number(value) - Number(before.get(name))}`);
  };
  const wrong = await moved(CLIENT, [20_001, 20_002, 20_003, 20_004, 20_005, 20_006, 20_007]);
  const partial = await moved(STRANGER, right);
  return finding(
    wrong.join() === partial.join(),
    `7 wrong ports move ${wrong.join(", ") || "nothing"}; 7 right ones of 8 move ${partial.join(", ") || "nothing"}`,
  );
}

/** The replies to a knock: right port, wrong port, and the last port that opens. */
async function knockAnswers(): Promise<Finding> {
  await using stage = await Stage.set(webDoor());
  await stage.roomInSlot(5_000);
  const ports = stage.ports();
  const tap = stage.lab.start(
    "client",
    "tcpdump -i eth0 -n -l -v --immediate-mode src 10.77.0.1 and tcp".split(" "),
  );
  const notices = tap.stderr.getReader();
  for (let said = ""; !said.includes("listening");) {
    said += new TextDecoder().decode((await notices.read()).value);
  }
  const wrong = Array.from({ length: 8 }, (_, i) => 20_001 + i).filter((p) => !ports.includes(p));
  const order = [...wrong, ...ports];
  await stage.wire.knock(
    "client",
    order.map((port) => ({ from: CLIENT, to: SERVER, port })),
    500,
  );
  await stage.server.waitForLog(/Opened web/);
  await Bun.sleep(200);
  tap.kill("SIGINT");
  const text = await new Response(tap.stdout).text();
  const replies = text.split("\n").filter((line) => line.includes("Flags"));
  const shape = (line: string) =>
    line
      .replace(/10\.77\.0\.1\.\d+/, "PORT")
      .replace(/cksum \S+/, "")
      .trim();
  const shapes = new Set(replies.map(shape));
  return finding(
    replies.length === order.length && shapes.size === 1,
    `${order.length} knocks, 8 of them right: ${replies.length} answers, ${shapes.size} shape`,
  );
}

export const trials: Trial[] = [
  {
    promise: "P15",
    attack: "24 kinds of probe over IPv4, deny = reset",
    play: (s) => identical(SERVER, s),
  },
  {
    promise: "P15",
    attack: "24 kinds of probe over IPv6, deny = reset",
    play: (s) => identical(SERVER6, s),
  },
  {
    promise: "P15",
    attack: "24 kinds of probe, deny = drop",
    play: (s) => identical(SERVER, s, { deny: "drop" }),
  },
  {
    promise: "P15",
    attack: "probes with a type of service over IPv4",
    play: (s) => identical(SERVER, s, { kind: "TOS" }),
  },
  {
    promise: "P15",
    attack: "probes with a traffic class over IPv6",
    play: (s) => identical(SERVER6, s, { kind: "TOS" }),
  },
  {
    promise: "P15",
    attack: "every option of TCP and IP, sources that are none, over IPv4",
    play: () => oddities(SERVER),
  },
  {
    promise: "P15",
    attack: "the same through a router",
    play: () => oddities(SERVER, { router: true }),
  },
  {
    promise: "P15",
    attack: "every option of TCP, extension headers, sources that are none, over IPv6",
    play: () => oddities(SERVER6),
  },
  {
    promise: "P15",
    attack: "the same through a router, over IPv6",
    play: () => oddities(SERVER6, { router: true }),
  },
  {
    promise: "P15",
    attack: "every option of TCP and IP, sources that are none, deny = drop",
    play: () => oddities(SERVER, { deny: "drop" }),
  },
  { promise: "P15", attack: "six kinds of nmap scan", play: nmapSees },
  {
    promise: "P15",
    attack: "seven right ports of eight, read from health and metrics",
    play: partialMatch,
  },
  { promise: "P15", attack: "answers to right and wrong knocks", play: knockAnswers },
];
