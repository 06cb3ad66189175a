/** Damages capture files and reads them: the test and the long run share it. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OpError } from "../../src/core/errors.ts";
import { LinkType } from "../../src/core/link-type.ts";
import { GOLDEN_CAPTURES } from "../golden/captures.ts";
import { bytes, concat, frame, ipv4, tcp } from "./frames.ts";
import { Pcapng } from "./pcapng.ts";
import { randomFrom } from "./random.ts";
import { type ReadCapture, readCapture } from "./read-capture.ts";

/** One file of every block there is, in both byte orders. */
function everything(): Uint8Array {
  const syn = ipv4("10.77.0.2", "10.77.0.1", tcp(7000));
  const sections = [true, false].map((littleEndian) => {
    const ng = new Pcapng(littleEndian);
    return concat(
      ng.section({}, [3, bytes(1, 2, 3)]),
      ng.interface(LinkType.ethernet, 262_144, ng.resolution(9), ng.offset(5n)),
      ng.interface(LinkType.raw, 96, ng.resolution(0x8a)),
      ng.interface(105),
      ng.packet(0, 1_700_000_000_000_000_000n, frame(LinkType.ethernet, syn)),
      ng.packet(1, 1_700_000_000n * 1024n, syn, { options: [[1, bytes(7, 7, 7)]] }),
      ng.packet(2, 9n, syn),
      ng.obsoletePacket(1, 3n, syn),
      ng.block(5, new Uint8Array(12)),
      ng.simplePacket(frame(LinkType.ethernet, syn)),
    );
  });
  return concat(...sections);
}

/** Undamaged: of every block, and what real programs wrote. */
export const CAPTURES: readonly Uint8Array[] = [
  everything(),
  ...GOLDEN_CAPTURES.map((golden) => new Uint8Array(readFileSync(golden.path))),
];

/** Reads damaged files from one place on the disk. */
export class DamagedFile implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "sallyport-fuzz-"));

  /** The result of reading; throws where a rule is broken that must hold for any content. */
  read(contents: Uint8Array): ReadCapture {
    const path = join(this.#folder, "file");
    writeFileSync(path, contents);
    const read = readCapture(path);
    const total = read.frames.reduce((sum, one) => sum + one.bytes.length, 0);
    const areDates = read.frames.every(
      ({ timeMs }) => Number.isNaN(timeMs) || !Number.isNaN(new Date(timeMs).getTime()),
    );
    const sentence = read.error === undefined ? "" : (read.error as Error).message;
    const isSound =
      total <= contents.length &&
      areDates &&
      (read.error === undefined || read.error instanceof OpError) &&
      !sentence.includes("\n");
    if (!isSound) throw new Error(`${contents.toHex()}: ${total} bytes of frames, "${sentence}"`);
    return read;
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true });
  }
}

/** Bytes with a meaning: block types, byte order, small and large numbers. */
const BYTES = [0, 1, 2, 3, 4, 6, 0x0a, 0x0d, 0x7f, 0x80, 0xff] as const;

function damaged(random: (below: number) => number): Uint8Array {
  const contents = CAPTURES[random(CAPTURES.length)]!.slice();
  for (let hurts = 1 + random(6); hurts > 0; hurts--) {
    const at = random(contents.length);
    if (random(3) === 0) contents[at]! ^= 1 << random(8);
    else if (random(2) === 0) contents[at] = BYTES[random(BYTES.length)]!;
    else contents.copyWithin(at & ~3, random(contents.length) & ~3, random(contents.length));
  }
  return contents;
}

export interface FuzzedCaptures {
  /** If all were of one kind, nothing was tested. */
  readonly read: number;
  readonly refused: number;
}

/** Throws with the file in hexadecimal at the first one that is not read as it must be. The same seed makes the same files. */
export function fuzzCaptures(count: number, seed: number): FuzzedCaptures {
  using file = new DamagedFile();
  const random = randomFrom(seed);
  let read = 0;
  for (let i = 0; i < count; i++) {
    try {
      if (file.read(damaged(random)).error === undefined) read++;
    } catch (error) {
      throw new Error(`seed ${seed}, file ${i}`, { cause: error });
    }
  }
  return { read, refused: count - read };
}
