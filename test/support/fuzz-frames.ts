/** Frames for fuzzing: valid ones of every kind, and damaged copies of them. */

import { LinkType } from "../../src/core/link-type.ts";
import {
  authentication,
  type Extension,
  fragment6,
  frame,
  ipv4,
  ipv6,
  options6,
  type Segment,
  tcp,
  TcpFlags,
  udp,
} from "./frames.ts";

type Random = (below: number) => number;

const LINK_TYPES = Object.values(LinkType);
const TAGS = [0x8100, 0x88a8, 0x9100] as const;
const FRAMINGS = ["hdlc", "hdlc", "none", "unicast", "broadcast"] as const;

function pick<T>(random: Random, from: readonly T[]): T {
  return from[random(from.length)]!;
}

function someBytes(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random(256));
}

function segment(random: Random): Segment {
  const port = random(65_536);
  const payload = someBytes(random, random(24));
  if (random(8) === 0) return { proto: pick(random, [1, 2, 47, 50, 58, 132]), bytes: payload };
  if (random(3) === 0) return udp(port, { payload });
  const flags = random(4) === 0 ? random(256) : TcpFlags.syn;
  return tcp(port, flags, { options: someBytes(random, random(11) * 4), payload });
}

function extension(random: Random): Extension {
  switch (random(6)) {
    case 0:
      return options6(0, 1 + random(3));
    case 1:
      return options6(60, 1 + random(3));
    case 2:
      return options6(43, 1 + random(3), random(3) === 0 ? 1 : 0);
    case 3:
      return fragment6(random(4) === 0 ? random(8192) : 0, random(2) === 0);
    case 4:
      return authentication(3 + random(6));
    default:
      return options6(60);
  }
}

function packet(random: Random): Uint8Array {
  if (random(2) === 0) {
    return ipv4("198.51.100.7", "203.0.113.9", segment(random), {
      options: someBytes(random, random(3) === 0 ? random(11) * 4 : 0),
      fragment: random(8) === 0 ? random(8192) : 0,
      more: random(8) === 0,
    });
  }
  const count = random(2) === 0 ? 0 : random(11);
  const extensions = Array.from({ length: count }, () => extension(random));
  return ipv6("2001:db8::7", "2001:db8:1::9", segment(random), extensions);
}

export interface FuzzFrame {
  readonly linkType: LinkType;
  readonly bytes: Uint8Array;
}

/** A frame without damage, of any link type; not always a knock. */
export function validFrame(random: Random): FuzzFrame {
  const linkType = pick(random, LINK_TYPES);
  const tags = Array.from({ length: random(3) === 0 ? random(6) : 0 }, () => pick(random, TAGS));
  const bytes = frame(linkType, packet(random), {
    tags,
    packetType: random(6),
    session: random(8) === 0,
    shortProtocol: random(3) === 0,
    framing: pick(random, FRAMINGS),
  });
  return { linkType, bytes };
}

/**
 * A copy of `original` with up to four damages: most leave the headers nearly right, so that they
 * matter.
 */
export function damaged(random: Random, original: FuzzFrame): FuzzFrame {
  let bytes = original.bytes.slice();
  let linkType = original.linkType;
  for (let hurts = random(5); hurts > 0 && bytes.length > 0; hurts--) {
    const at = random(Math.min(bytes.length, random(2) === 0 ? 60 : 300));
    switch (random(8)) {
      case 0:
        bytes = bytes.slice(0, random(bytes.length + 1));
        break;
      case 1:
        bytes[at]! ^= 1 << random(8);
        break;
      case 2:
        bytes[at] = random(256);
        break;
      case 3:
        bytes[at] = pick(
          random,
          [0, 1, 3, 0x0f, 0x11, 0x21, 0x45, 0x57, 0x60, 0x7f, 0x80, 0x8f, 0xff],
        );
        break;
      case 4:
        bytes[at] = pick(random, [0, 6, 17, 43, 44, 51, 60, 59]);
        break;
      case 5:
        bytes.copyWithin(at, random(bytes.length));
        break;
      case 6:
        bytes.fill(random(256), at, at + random(8));
        break;
      default:
        linkType = pick(random, LINK_TYPES);
    }
  }
  return { linkType, bytes };
}
