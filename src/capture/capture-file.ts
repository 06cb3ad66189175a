/** A capture file of whatever format: frames in the order in which they stand there. */

import type { FrameSink } from "./frame-source.ts";

export interface CaptureFile extends Disposable {
  /** The path, for messages. */
  readonly name: string;
  /**
   * Hands at most `most` frames to `sink` and answers how many; 0 is the end of the file. A frame whose
   * time the file does not tell, or tells as one before 1970 or after 9999, has the time NaN. Throws
   * OpError when the file cannot be read on or holds what cannot be true. A frame cut short at the end,
   * as a killed tcpdump leaves it, is the end.
   */
  drain(sink: FrameSink, most: number): number;
  /** At the end of the file: a sentence for each kind of thing in it that was not handed out. */
  remarks(): string[];
  close(): void;
}

/** MAXIMUM_SNAPLEN of libpcap: a frame that claims more is damage. */
export const MOST_FRAME_BYTES = 262_144;

/** 9999-12-31T23:59:59.999Z: the last year that is written with four digits. */
const LATEST_MS = 253_402_300_799_999;

/** `timeMs` where a date can be made of it; NaN otherwise. */
export function dated(timeMs: number): number {
  return timeMs >= 0 && timeMs <= LATEST_MS ? timeMs : Number.NaN;
}

export const ANEW = "make the capture anew";

/** Why a file, or some frames, of this link type say nothing of knocks. */
export function foreignLinkType(linkType: number, whose: "its" | "their" = "its"): string {
  return `${whose} link type is ${linkType}, which carries no plain IP packets`;
}

export const OTHER_INTERFACE = 'capture on an Ethernet, tunnel or loopback interface, or on "any"';

export const CUT_REMARK =
  "The file ends in the middle of a packet: its writer was stopped, or is still at it";
