/** The frames and remarks of a capture file, copied, so that tests can look at them. */

import { openCaptureFile } from "../../src/capture/file.ts";

export interface ReadFrame {
  readonly timeMs: number;
  readonly linkType: number;
  readonly bytes: Uint8Array;
}

export interface ReadCapture {
  readonly frames: ReadFrame[];
  readonly remarks: string[];
  /** The error of `openCaptureFile` or `drain`. */
  readonly error?: unknown;
}

/** Reads a whole file, `most` frames at a time, and closes it. */
export function readCapture(path: string, most = 1000): ReadCapture {
  const frames: ReadFrame[] = [];
  try {
    using file = openCaptureFile(path);
    let count: number;
    do {
      const before = frames.length;
      count = file.drain((view, offset, length, timeMs, linkType) => {
        const bytes = new Uint8Array(view.buffer, view.byteOffset + offset, length).slice();
        frames.push({ timeMs, linkType, bytes });
      }, most);
      if (count > most || frames.length - before !== count) {
        throw new TypeError(
          `drain(${most}) answered ${count} for ${frames.length - before} frames`,
        );
      }
    } while (count > 0);
    return { frames, remarks: file.remarks() };
  } catch (error) {
    return { frames, remarks: [], error };
  }
}
