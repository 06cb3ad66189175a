/** A live source of frames: an interface. */

import type { LinkType } from "../core/link-type.ts";

/**
 * Takes one frame, `frame[offset, offset + length)`, captured at `timeMs` (Unix milliseconds with a
 * fraction). The bytes are overwritten after the call returns.
 */
export type FrameSink = (
  frame: DataView,
  offset: number,
  length: number,
  timeMs: number,
  linkType: LinkType,
) => void;

export interface FrameSource {
  /** The interface, for messages. */
  readonly name: string;
  /** The link type of all its frames. */
  readonly linkType: LinkType;
  /** Becomes readable when frames wait, for poll(2). */
  readonly fd: number;
  /**
   * Hands at most `most` waiting frames to `sink` without blocking and returns how many; 0 means
   * that none waits. Throws OpError when the interface is lost, with code ENODEV when it was
   * deleted or renamed: close this source then, and open a new one when the interface is back. An
   * interface that is merely down yields nothing until it is up again.
   */
  drain(sink: FrameSink, most: number): number;
  /**
   * Frames since the source was opened: those that the filter passed, and how many of them were
   * lost. Call it now and then: an interface that was deleted while it was down shows only here, by
   * the OpError that `drain` would throw.
   */
  stats(): { received: number; dropped: number };
  /** Whether the interface is down: it exists, yields nothing, and nobody can knock there until it is up again. */
  readonly isDown: boolean;
  close(): void;
}
