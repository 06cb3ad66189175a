/** Runs `decodeFrame` on damaged frames against the reference; the test and the long run share it. */

import { formatAddress } from "../../src/core/address.ts";
import { emptyKnock, type Knock } from "../../src/core/knock.ts";
import { decodeFrame } from "../../src/decode/frame.ts";
import { damaged, type FuzzFrame, validFrame } from "./fuzz-frames.ts";
import { randomFrom } from "./random.ts";
import { type Expected, referenceDecode } from "./reference-decoder.ts";

/** Frames made from one valid one, which costs more to build than to hurt. */
const DAMAGES = 16;

/** The bytes around a frame in memory: if they show in a result, something read too far. */
const MARGIN = 64;
const room = new Uint8Array(4096);

/** The result of `decodeFrame` in the form of the reference. */
export function decoded(knock: Knock, isKnock: boolean): Expected {
  if (!isKnock) return undefined;
  const { family, proto, port, s0, s1, s2, s3, d0, d1, d2, d3 } = knock;
  return {
    source: formatAddress({ family, a0: s0, a1: s1, a2: s2, a3: s3 }),
    destination: formatAddress({ family, a0: d0, a1: d1, a2: d2, a3: d3 }),
    proto,
    port,
  };
}

/** Once in a view that ends where the frame ends and throws beyond, once amid bytes of others. */
function decodeBothWays(
  { linkType, bytes }: FuzzFrame,
  knock: Knock,
  random: (n: number) => number,
) {
  const exact = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const alone = decoded(knock, decodeFrame(linkType, exact, 0, bytes.length, knock));
  const offset = random(MARGIN);
  room.fill(random(256), 0, offset + bytes.length + MARGIN);
  room.set(bytes, offset);
  const amid = decodeFrame(linkType, new DataView(room.buffer), offset, bytes.length, knock);
  return [alone, decoded(knock, amid)] as const;
}

export interface FuzzResult {
  readonly frames: number;
  /** How many of them were knocks: 0 would mean that nothing was tested. */
  readonly knocks: number;
}

/** Throws with the frame in hexadecimal at the first difference. The same seed makes the same frames. */
export function fuzzDecode(count: number, seed: number): FuzzResult {
  const random = randomFrom(seed);
  const knock = emptyKnock();
  let knocks = 0;
  for (let frames = 0; frames < count;) {
    const valid = validFrame(random);
    for (let i = 0; i < DAMAGES && frames < count; i++, frames++) {
      const hurt = i === 0 ? valid : damaged(random, valid);
      const wanted = JSON.stringify(referenceDecode(hurt.linkType, hurt.bytes));
      for (const got of decodeBothWays(hurt, knock, random)) {
        if (JSON.stringify(got) === wanted) continue;
        throw new Error(
          `decodeFrame() differs on link type ${hurt.linkType}, seed ${seed}, frame ${frames}: ` +
            `${Buffer.from(hurt.bytes).toString("hex")} is ${JSON.stringify(got)}, wanted ${wanted}`,
        );
      }
      if (wanted !== undefined) knocks++;
    }
  }
  return { frames: count, knocks };
}
