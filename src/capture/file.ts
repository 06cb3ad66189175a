/**
 * Opens a capture file of any format that tcpdump and Wireshark write. It needs no libpcap, so that
 * a capture can be replayed anywhere.
 */

import { ByteStream } from "./byte-stream.ts";
import type { CaptureFile } from "./capture-file.ts";
import { isPcap, PcapFile } from "./pcap-file.ts";
import { isPcapng, PcapngFile } from "./pcapng-file.ts";

/** The first bytes of packed files, read as a big-endian number, and the tool that unpacks each. */
const PACKED: readonly (readonly [first: number, shift: number, name: string, tool: string])[] = [
  [0x1f8b, 16, "gzip", "gunzip"],
  [0x425a68, 8, "bzip2", "bunzip2"],
  [0xfd377a58, 0, "xz", "unxz"],
  [0x28b52ffd, 0, "zstd", "unzstd"],
  [0x04224d18, 0, "lz4", "unlz4"],
];

/**
 * Opens a .pcap file (either byte order, micro- or nanoseconds, and the patched and swapped kinds
 * of the nineties) or a pcapng file. Pipes work too, and "-" is standard input. Throws OpError when
 * the file cannot be read, is of neither format, or has a link type that cannot be decoded.
 */
export function openCaptureFile(path: string): CaptureFile {
  const stream = new ByteStream(path);
  try {
    return fileOf(stream);
  } catch (error) {
    stream.close();
    throw error;
  }
}

function fileOf(stream: ByteStream): CaptureFile {
  if (!stream.has(1)) throw stream.failure("it is empty", "name a .pcap or .pcapng file");
  if (stream.has(4)) {
    const magic = stream.view.getUint32(stream.at);
    if (isPcap(magic)) return new PcapFile(stream);
    if (isPcapng(magic)) return new PcapngFile(stream);
    for (const [first, shift, name, tool] of PACKED) {
      if (magic >>> shift !== first) continue;
      throw stream.failure(`it is packed by ${name}`, `unpack it first (${tool})`);
    }
  }
  throw stream.failure(
    "it is no capture file",
    "name a .pcap or .pcapng file, as tcpdump -w or Wireshark writes it",
  );
}
