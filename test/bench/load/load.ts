/** The description of a flood: plain data, handed to the process that sends it. */

export interface Load {
  /** Ethernet frames of IPv4 in base64, sent in turn; the parts below are patched into each. */
  readonly frames: readonly string[];
  /**
   * `random`: a new forged source after every `framesEach` frames. `victim`: the source of the honest
   * knock that is being tried. `address`: the one source.
   */
  readonly source:
    | { readonly random: { readonly framesEach: number } }
    | { readonly victim: true }
    | { readonly address: string };
  /** Destination ports; undefined leaves those of the frames. Source ports are random, except of UDP. */
  readonly ports?:
    | { readonly random: readonly [from: number, to: number] }
    | { readonly cycle: readonly [from: number, to: number] }
    | { readonly list: readonly number[] };
  /** Frames a second; null: as many as the machine can send. */
  readonly perSecond: number | null;
}

/** The frames of a load that differ only in source and ports. */
export function encodeFrames(frames: readonly Uint8Array[]): string[] {
  return frames.map((frame) => frame.toBase64());
}

/** Random sources, each with one SYN to a random port of a range: the flood of B2. */
export function scatter(
  frame: Uint8Array,
  [from, to]: readonly [number, number],
  perSecond: number | null = null,
): Load {
  return {
    frames: encodeFrames([frame]),
    source: { random: { framesEach: 1 } },
    ports: { random: [from, to] },
    perSecond,
  };
}
