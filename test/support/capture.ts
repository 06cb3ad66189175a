/** A tcpdump on one host of a lab: the packets that really reached it over the wire. */

import type { Host, Lab } from "./lab.ts";

/** One packet that came in. */
export interface Packet {
  /** Unix milliseconds, with a fraction. */
  readonly atMs: number;
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly port: number;
  readonly proto: "tcp" | "udp";
  /** tcpdump's letters: "S" a SYN, "S." a SYN with ACK, "R." a reset; empty for UDP. */
  readonly flags: string;
}

export interface WireTap {
  /**
   * Waits until the capture has handed out everything, ends it and returns the packets in order.
   */
  packets(): Promise<Packet[]>;
}

// Packets that are not TCP are UDP: the filter passes nothing else, and tcpdump shows well-known
// UDP ports by their own names.
const LINE = /^(\d+\.\d+) \S+ +In +IP6? (\S+)\.(\d+) > (\S+)\.(\d+): (?:Flags \[([^\]]*)\])?/;

function parse(line: string): Packet | undefined {
  const match = LINE.exec(line);
  if (match === null) return undefined;
  const [, seconds, source = "", sourcePort, destination = "", port, flags] = match;
  return {
    atMs: Number(seconds) * 1_000,
    source,
    sourcePort: Number(sourcePort),
    destination,
    port: Number(port),
    proto: flags === undefined ? "udp" : "tcp",
    flags: flags ?? "",
  };
}

/** Starts a capture on every interface of the host; resolves when it is attached. `filter` lets only TCP and UDP in. */
export async function tapWire(lab: Lab, host: Host, filter: string): Promise<WireTap> {
  const child = lab.start(host, [
    // Short frames: in immediate mode the ring holds a frame of full length a packet, and drops bursts.
    ..."tcpdump -i any -n -tt -l --immediate-mode -s 128 -B 8192 -Q in".split(" "),
    filter,
  ]);
  const notices = child.stderr.getReader();
  const decoder = new TextDecoder();
  for (let said = ""; !said.includes("listening on");) {
    const { done, value } = await notices.read();
    if (done) throw new Error(`tcpdump did not start: ${said}`);
    said += decoder.decode(value, { stream: true });
  }
  return {
    packets: async () => {
      await Bun.sleep(50);
      child.kill("SIGINT");
      const text = await new Response(child.stdout).text();
      return text
        .split("\n")
        .map(parse)
        .filter((packet) => packet !== undefined);
    },
  };
}
