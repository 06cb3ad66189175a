/**
 * Capture files that real programs wrote (dumpcap, mergecap and editcap of Wireshark 4.0, tcpdump 4.99),
 * between two namespaces on a veth pair: 10.77.0.2 and fd77::2 sent SYNs to 10.77.0.1 and fd77::1. What
 * stands in them is what `tshark -T fields -e frame.time_epoch -e tcp.dstport` prints.
 */

import { join } from "node:path";
import { LinkType } from "../../src/core/link-type.ts";

export interface GoldenCapture {
  readonly path: string;
  /** The program that wrote it; all with a filter that passes SYNs only. */
  readonly command: string;
  readonly frames: readonly GoldenPacket[];
}

export interface GoldenPacket {
  /** Seconds since 1970, as many digits as the file has. */
  readonly time: string;
  readonly linkType: LinkType;
  readonly port: number;
}

const { ethernet, cooked1, cooked2 } = LinkType;

function packets(...rows: readonly (readonly [time: string, linkType: LinkType, port: number])[]) {
  return rows.map(([time, linkType, port]) => ({ time, linkType, port }));
}

const path = (name: string) => join(import.meta.dir, "captures", name);

const THREE = packets(
  ["1795914979.092871065", ethernet, 7000],
  ["1795914979.142044582", ethernet, 6000],
  ["1795914979.092868400", cooked1, 7000],
  ["1795914979.142041756", cooked1, 6000],
  ["1795914979.165264629", cooked1, 9000],
  ["1795914979.165267013", ethernet, 9000],
  ["1795914979.192073903", ethernet, 8000],
  ["1795914979.192071158", cooked1, 8000],
  ["1795914979.225408764", cooked1, 7500],
  ["1795914979.225409896", ethernet, 7500],
);

const NANO = packets(
  ["1795914985.013109087", ethernet, 7000],
  ["1795914985.059920226", ethernet, 6000],
  ["1795914985.118280272", ethernet, 9000],
  ["1795914985.150716886", ethernet, 8000],
);

const ANY = packets(
  ["1795914987.777520", cooked2, 7000],
  ["1795914987.828243", cooked2, 6000],
  ["1795914987.917803", cooked2, 9000],
  ["1795914987.957466", cooked2, 8000],
);

export const GOLDEN_CAPTURES: readonly GoldenCapture[] = [
  {
    path: path("dumpcap-three.pcapng"),
    command: "dumpcap -i eth0 -i any -i lo -s 128",
    frames: THREE,
  },
  {
    path: path("tcpdump-nano.pcap"),
    command: "tcpdump -Q in -i eth0 --time-stamp-precision=nano",
    frames: NANO,
  },
  {
    path: path("tcpdump-any.pcap"),
    command: "tcpdump -Q in -i any -y LINUX_SLL2",
    frames: ANY,
  },
  {
    path: path("mergecap.pcapng"),
    command: "mergecap dumpcap-three.pcapng tcpdump-nano.pcap tcpdump-any.pcap",
    frames: [...THREE, ...NANO, ...ANY],
  },
  {
    path: path("editcap-modified.pcap"),
    command: "editcap -F modpcap",
    frames: packets(
      ["1795914982.195413", ethernet, 7000],
      ["1795914982.242760", ethernet, 6000],
      ["1795914982.289465", ethernet, 9000],
      ["1795914982.333377", ethernet, 8000],
    ),
  },
];
