/**
 * Frames as the kernel and tcpdump gave them (the first 96 bytes of each), between two namespaces on
 * a veth pair: 10.77.0.1 and fd77::1 captured with `tcpdump -Q in -w -` and the options in `capture`,
 * while 10.77.0.2 and fd77::2 ran `command` in bash.
 */

import { LinkType } from "../../src/core/link-type.ts";

export interface GoldenFrame {
  readonly linkType: LinkType;
  /** tcpdump's options. */
  readonly capture: string;
  /** The command that sent it. */
  readonly command: string;
  readonly hex: string;
  /** "PROTO SOURCE DESTINATION PORT" of a knock; absent where there is none. */
  readonly knock?: string;
}

export const GOLDEN_FRAMES: readonly GoldenFrame[] = [
  {
    linkType: LinkType.ethernet,
    capture: "-i eth0 -y EN10MB",
    command: "echo >/dev/tcp/10.77.0.1/7000",
    knock: "tcp 10.77.0.2 10.77.0.1 7000",
    hex: "a6dc01cc2fedaa55f09b943f08004500003c83e740004006a2380a4d00020a4d000183721b584a250d3c00000000a002faf014cb0000020405b40402080a640b4e2e000000000103030a",
  },
  {
    linkType: LinkType.ethernet,
    capture: "-i eth0 -y EN10MB",
    command: "echo >/dev/tcp/fd77::1/7000",
    knock: "tcp fd77::2 fd77::1 7000",
    hex: "a6dc01cc2fedaa55f09b943f86dd600e045f00280640fd770000000000000000000000000002fd770000000000000000000000000001cccc1b581f5d912900000000a002fd20fb200000020405a00402080a8a4f0213000000000103030a",
  },
  {
    linkType: LinkType.ethernet,
    capture: "-i eth0 -y EN10MB",
    command: "echo knock >/dev/udp/10.77.0.1/8000",
    knock: "udp 10.77.0.2 10.77.0.1 8000",
    hex: "a6dc01cc2fedaa55f09b943f0800450000222f4840004011f6e60a4d00020a4d00018f7f1f40000e14bc6b6e6f636b0a",
  },
  {
    linkType: LinkType.ethernet,
    capture: "-i eth0 -y EN10MB",
    command: "echo knock >/dev/udp/fd77::1/8000",
    knock: "udp fd77::2 fd77::1 8000",
    hex: "a6dc01cc2fedaa55f09b943f86dd60016da7000e1140fd770000000000000000000000000002fd770000000000000000000000000001ae8b1f40000efb116b6e6f636b0a",
  },
  {
    linkType: LinkType.ethernet,
    capture: "-i eth0 -y EN10MB",
    command: "head -c 3000 /dev/zero >/dev/udp/10.77.0.1/8001",
    knock: "udp 10.77.0.2 10.77.0.1 8001",
    hex: "a6dc01cc2fedaa55f09b943f0800450005dca34e200040119d260a4d00020a4d0001eb4d1f410bc0c942000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
  },
  {
    linkType: LinkType.ethernet,
    capture: "-i eth0 -y EN10MB",
    command: "its second fragment",
    hex: "a6dc01cc2fedaa55f09b943f0800450005dca34e20b940119c6d0a4d00020a4d00010000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
  },
  {
    linkType: LinkType.ethernet,
    capture: "-i eth0 -y EN10MB",
    command: "ip link set eth0 up (a multicast listener report)",
    hex: "333300000016aa55f09b943f86dd600000000038000100000000000000000000000000000000ff0200000000000000000000000000163a000502000001008f00d8930000000204000000ff0200000000000000000001ff00000204000000ff02",
  },
  {
    linkType: LinkType.cooked1,
    capture: "-i any -y LINUX_SLL",
    command: "echo >/dev/tcp/10.77.0.1/7000",
    knock: "tcp 10.77.0.2 10.77.0.1 7000",
    hex: "000000010006aa55f09b943f000008004500003c83e740004006a2380a4d00020a4d000183721b584a250d3c00000000a002faf014cb0000020405b40402080a640b4e2e000000000103030a",
  },
  {
    linkType: LinkType.cooked1,
    capture: "-i any -y LINUX_SLL",
    command: "echo >/dev/tcp/fd77::1/7000",
    knock: "tcp fd77::2 fd77::1 7000",
    hex: "000000010006aa55f09b943f000086dd600e045f00280640fd770000000000000000000000000002fd770000000000000000000000000001cccc1b581f5d912900000000a002fd20fb200000020405a00402080a8a4f0213000000000103030a",
  },
  {
    linkType: LinkType.cooked1,
    capture: "-i any -y LINUX_SLL",
    command: "echo knock >/dev/udp/10.77.0.1/8000",
    knock: "udp 10.77.0.2 10.77.0.1 8000",
    hex: "000000010006aa55f09b943f00000800450000222f4840004011f6e60a4d00020a4d00018f7f1f40000e14bc6b6e6f636b0a",
  },
  {
    linkType: LinkType.cooked1,
    capture: "-i any -y LINUX_SLL",
    command: "echo knock >/dev/udp/fd77::1/8000",
    knock: "udp fd77::2 fd77::1 8000",
    hex: "000000010006aa55f09b943f000086dd60016da7000e1140fd770000000000000000000000000002fd770000000000000000000000000001ae8b1f40000efb116b6e6f636b0a",
  },
  {
    linkType: LinkType.cooked1,
    capture: "-i any -y LINUX_SLL",
    command: "head -c 3000 /dev/zero >/dev/udp/10.77.0.1/8001",
    knock: "udp 10.77.0.2 10.77.0.1 8001",
    hex: "000000010006aa55f09b943f00000800450005dca34e200040119d260a4d00020a4d0001eb4d1f410bc0c94200000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
  },
  {
    linkType: LinkType.cooked1,
    capture: "-i any -y LINUX_SLL",
    command: "its second fragment",
    hex: "000000010006aa55f09b943f00000800450005dca34e20b940119c6d0a4d00020a4d0001000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
  },
  {
    linkType: LinkType.cooked1,
    capture: "-i any -y LINUX_SLL",
    command: "ip link set eth0 up (a multicast listener report)",
    hex: "000200010006aa55f09b943f000086dd600000000038000100000000000000000000000000000000ff0200000000000000000000000000163a000502000001008f00d8930000000204000000ff0200000000000000000001ff00000204000000",
  },
  {
    linkType: LinkType.cooked2,
    capture: "-i any -y LINUX_SLL2",
    command: "echo >/dev/tcp/10.77.0.1/7000",
    knock: "tcp 10.77.0.2 10.77.0.1 7000",
    hex: "080000000000000200010006aa55f09b943f00004500003c83e740004006a2380a4d00020a4d000183721b584a250d3c00000000a002faf014cb0000020405b40402080a640b4e2e000000000103030a",
  },
  {
    linkType: LinkType.cooked2,
    capture: "-i any -y LINUX_SLL2",
    command: "echo >/dev/tcp/fd77::1/7000",
    knock: "tcp fd77::2 fd77::1 7000",
    hex: "86dd00000000000200010006aa55f09b943f0000600e045f00280640fd770000000000000000000000000002fd770000000000000000000000000001cccc1b581f5d912900000000a002fd20fb200000020405a00402080a8a4f021300000000",
  },
  {
    linkType: LinkType.cooked2,
    capture: "-i any -y LINUX_SLL2",
    command: "echo knock >/dev/udp/10.77.0.1/8000",
    knock: "udp 10.77.0.2 10.77.0.1 8000",
    hex: "080000000000000200010006aa55f09b943f0000450000222f4840004011f6e60a4d00020a4d00018f7f1f40000e14bc6b6e6f636b0a",
  },
  {
    linkType: LinkType.cooked2,
    capture: "-i any -y LINUX_SLL2",
    command: "echo knock >/dev/udp/fd77::1/8000",
    knock: "udp fd77::2 fd77::1 8000",
    hex: "86dd00000000000200010006aa55f09b943f000060016da7000e1140fd770000000000000000000000000002fd770000000000000000000000000001ae8b1f40000efb116b6e6f636b0a",
  },
  {
    linkType: LinkType.cooked2,
    capture: "-i any -y LINUX_SLL2",
    command: "head -c 3000 /dev/zero >/dev/udp/10.77.0.1/8001",
    knock: "udp 10.77.0.2 10.77.0.1 8001",
    hex: "080000000000000200010006aa55f09b943f0000450005dca34e200040119d260a4d00020a4d0001eb4d1f410bc0c942000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
  },
  {
    linkType: LinkType.cooked2,
    capture: "-i any -y LINUX_SLL2",
    command: "its second fragment",
    hex: "080000000000000200010006aa55f09b943f0000450005dca34e20b940119c6d0a4d00020a4d00010000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
  },
  {
    linkType: LinkType.cooked2,
    capture: "-i any -y LINUX_SLL2",
    command: "ip link set eth0 up (a multicast listener report)",
    hex: "86dd00000000000200010206aa55f09b943f0000600000000038000100000000000000000000000000000000ff0200000000000000000000000000163a000502000001008f00d8930000000204000000ff0200000000000000000001ff000002",
  },
];
