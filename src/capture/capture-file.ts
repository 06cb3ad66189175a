/** A capture file of any format: its frames in the order of the file. */

import type { FrameSink } from "./frame-source.ts";

export interface CaptureFile extends Disposable {
  /** The path, for messages. */
  readonly name: string;
  /**
   * Hands at most `most` frames to `sink` and returns how many; 0 is the end of the file. The time
   * of a frame is NaN where the file gives none, or one before 1970 or after 9999. Throws OpError
   * when the file cannot be read on or is damaged. A frame cut short at the end, as a killed
   * tcpdump leaves it, is the end.
   */
  drain(sink: FrameSink, most: number): number;
  /** At the end of the file: one sentence for each kind of content that was not handed out. */
  remarks(): string[];
  close(): void;
}

/** MAXIMUM_SNAPLEN of libpcap: a frame that claims more is damage. */
export const MOST_FRAME_BYTES = 262_144;

/** 9999-12-31T23:59:59.999Z: the end of the last year with four digits. */
const LATEST_MS = 253_402_300_799_999;

/** `timeMs` where it is a valid date; NaN otherwise. */
export function dated(timeMs: number): number {
  return timeMs >= 0 && timeMs <= LATEST_MS ? timeMs : Number.NaN;
}

export const ANEW = "make the capture anew";

/** Why a file, or some of its frames, cannot hold knocks: this link type is not decoded. */
export function foreignLinkType(linkType: number, whose: "its" | "their" = "its"): string {
  return `${whose} link type is ${linkType}, which carries no plain IP packets`;
}

export const OTHER_INTERFACE = 'capture on an Ethernet, tunnel or loopback interface, or on "any"';

export const CUT_REMARK =
  "The file ends in the middle of a packet: its writer was stopped, or is still writing";
