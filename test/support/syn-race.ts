/**
 * First SYNs from two processors at once: the attack of a neighbour behind the same address on a
 * grant for one connection.
 */

import type { Host, Lab } from "./lab.ts";
import { linesOf } from "./lines.ts";
import { spawn } from "./programs.ts";

/** Of each processor, in one volley. */
const SYNS = 20;

const RACE = `
import mmap, os, select, socket, struct, sys, time
address, first_port, ports, syns = sys.argv[1], *map(int, sys.argv[2:5])
probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
probe.connect((address, 9))
source = probe.getsockname()[0]
pack = socket.inet_aton
def checksum(b):
    s = sum(struct.unpack("!%dH" % (len(b) // 2), b))
    while s >> 16: s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff
def syn(source_port, port):
    pseudo = pack(source) + pack(address) + struct.pack("!BBH", 0, 6, 20)
    segment = lambda check: struct.pack("!HHIIBBHHH", source_port, port, source_port, 0, 5 << 4, 2, 64240, check, 0)
    body = segment(checksum(pseudo + segment(0)))
    return struct.pack("!BBHHHBBH", 0x45, 0, 40, 1, 0, 64, 6, 0) + pack(source) + pack(address) + body
cpus = sorted(os.sched_getaffinity(0))
if len(cpus) < 2:
    print("one processor", flush=True)
    sys.exit()
shared = mmap.mmap(-1, 4096)
GO, READY = 0, 8
def fire(worker):
    os.sched_setaffinity(0, {cpus[worker]})
    out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    out.connect((address, 0))
    volley, send = 0, out.send
    while True:
        volley += 1
        port = first_port + volley % ports
        first = 1024 + (volley * 2 + worker) * syns % 60000
        packets = [syn(first + i, port) for i in range(syns)]
        warm = [syn(first + i, first_port + ports) for i in range(3)]
        mark = volley & 255
        shared[READY + worker] = mark
        while shared[GO] != mark:
            time.sleep(0.0002)
            if os.getppid() == 1: os._exit(0)
        # Denied ones first, so that both are as fast as they get.
        for packet in warm: send(packet)
        shared[READY + 2 + worker] = mark
        other = READY + 3 - worker
        while shared[other] != mark: pass
        for packet in packets: send(packet)
for worker in (0, 1):
    if os.fork() == 0: fire(worker)
listen = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
print("ready", flush=True)
volley = 0
for line in sys.stdin:
    volley += 1
    port = first_port + volley % ports
    while shared[READY] != volley & 255 or shared[READY + 1] != volley & 255: time.sleep(0.0001)
    shared[GO] = volley & 255
    accepted, answered = set(), set()
    end = time.monotonic() + 1
    while len(answered) < 2 * syns and (left := end - time.monotonic()) > 0:
        if not select.select([listen], [], [], left)[0]: break
        data = listen.recv(4096)
        data = data[(data[0] & 15) * 4:]
        sport, to = struct.unpack("!HH", data[:4])
        if sport != port or (to - 1024) // (2 * syns) != volley % (60000 // (2 * syns)): continue
        answered.add(to)
        if data[13] == 0x12: accepted.add(to)
    print(len(accepted), len(answered), flush=True)
`;

/** Two processes of one host, each on a processor of its own; ends with its disposal. */
export class SynRace implements Disposable {
  readonly #child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #lines: AsyncIterator<string>;
  /** False where the machine has one processor: no race is possible there. */
  readonly possible: boolean;

  private constructor(
    child: Bun.Subprocess<"pipe", "pipe", "inherit">,
    lines: AsyncIterator<string>,
    possible: boolean,
  ) {
    this.#child = child;
    this.#lines = lines;
    this.possible = possible;
  }

  /**
   * `address` is of IPv4. Volleys go to its `ports` ports from `port` on in turn, beginning with
   * the second. These and the next one are guarded, and denied packets are answered. With one port
   * there must be time between volleys: the kernel collects elements deleted in the packet path
   * once a second.
   */
  static async start(
    lab: Lab,
    host: Host,
    address: string,
    port: number,
    ports = 1,
  ): Promise<SynRace> {
    // Without this the host's own stack resets the raw socket's connections.
    lab.run(host, [
      "nft",
      `add table inet race; add chain inet race out { type filter hook output priority 0; }; add rule inet race out tcp flags rst tcp dport ${port}-${port + ports} drop`,
    ]);
    const argv = ["python3", "-c", RACE, address, ...[port, ports, SYNS].map(String)];
    const child = spawn(["ip", "netns", "exec", lab.namespace(host), ...argv], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    const lines = linesOf(child.stdout);
    const { value } = await lines.next();
    return new SynRace(child, lines, value === "ready");
  }

  /**
   * One volley at the next port, each SYN from a port of its own. Returns how many connections were
   * accepted.
   */
  async volley(): Promise<number> {
    void this.#child.stdin.write("go\n");
    await this.#child.stdin.flush();
    const { value } = await this.#lines.next();
    const [accepted = 0, answered = 0] = String(value).split(" ").map(Number);
    if (answered < 2 * SYNS) throw new Error(`${answered} of ${2 * SYNS} SYNs were answered`);
    return accepted;
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }
}
