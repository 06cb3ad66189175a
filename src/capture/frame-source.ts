/** Where frames come from: an interface or a capture file. */

import type { LinkType } from "../core/link-type.ts";

/**
 * Takes one frame, `frame[offset, offset + length)`, captured at `timeMs` (Unix milliseconds with a
 * fraction). The bytes are overwritten after the call returns.
 */
export type FrameSink = (frame: DataView, offset: number, length: number, timeMs: number) => void;

export interface FrameSource {
  /** The interface or the path, for messages. */
  readonly name: string;
  readonly linkType: LinkType;
  /** Becomes readable when frames wait, for poll(2); −1 for a file. */
  readonly fd: number;
  /**
   * Hands at most `most` waiting frames to `sink` without blocking and answers how many. 0 means none
   * waits now, or the end of a file. Throws OpError with code ENODEV or ENETDOWN when the interface
   * vanished or went down: close this source then, and open a new one when the interface is back.
   */
  drain(sink: FrameSink, most: number): number;
  /** Frames since the source was opened: those the filter passed, and those of them that got lost. */
  stats(): { received: number; dropped: number };
  close(): void;
}
