/** Frames from a network interface, or from all of them (`any`). */

import { OpError } from "../core/errors.ts";
import { isLinkType, type LinkType } from "../core/link-type.ts";
import { Errno } from "../native/errno.ts";
import { LiveCapture } from "../native/pcap-live.ts";
import { readProcNet } from "../native/proc-net.ts";
import type { FrameSink, FrameSource } from "./frame-source.ts";
import { handOut, type RecordFormat } from "./records.ts";

/** A cooked header, an IPv6 header, a few extension headers and TCP. */
const SNAPLEN = 256;

/** Holds about 24,000 frames: 300,000 frames a second while the reader sleeps 80 ms. */
const BUFFER_BYTES = 8 * 1024 * 1024;

/** Frames in one call to libpcap: enough to make the call cheap, few enough to stay in the cache. */
const BATCH = 512;

/** The format that libpcap writes on this machine: x64 and arm64 are both little-endian. */
const NATIVE: RecordFormat = { littleEndian: true, perMs: 1e3 };

/** The interfaces of the calling thread's network namespace, without `any`. */
export function interfaceNames(): string[] {
  const table = readProcNet("dev") ?? "";
  return [...table.matchAll(/^\s*(\S+):/gm)].map((match) => match[1]!);
}

/**
 * Captures the incoming frames of the interface `name` that pass `filter`, a function from the link
 * type to a BPF expression. Frames wait in the kernel from the return of this call on. Throws
 * OpError: ENODEV (naming the interfaces that exist), ENETDOWN, EPERM, or code 0 for a link type
 * that cannot be decoded and for everything else that libpcap refuses.
 */
export function openInterface(name: string, filter: (linkType: LinkType) => string): FrameSource {
  try {
    const capture = LiveCapture.open(name, {
      snaplen: SNAPLEN,
      bufferBytes: BUFFER_BYTES,
      batch: BATCH,
      filter: (linkType) => filter(decodable(name, linkType)),
    });
    return new InterfaceSource(capture, decodable(name, capture.linkType));
  } catch (error) {
    throw error instanceof OpError && error.code === Errno.ENODEV ? noSuchInterface(name) : error;
  }
}

function decodable(name: string, linkType: number): LinkType {
  if (isLinkType(linkType)) return linkType;
  throw new OpError({
    operation: "capture on",
    object: name,
    detail: `its link type is ${linkType}, which carries no plain IP packets`,
    code: 0,
    remedy: 'name an Ethernet, tunnel or loopback interface, or "any"',
  });
}

function noSuchInterface(name: string): OpError {
  return new OpError({
    operation: "capture on",
    object: name,
    detail: "no such interface",
    code: Errno.ENODEV,
    remedy: `name one of ${interfaceNames().join(", ")}, or "any"`,
  });
}

class InterfaceSource implements FrameSource {
  readonly name: string;
  readonly linkType: LinkType;
  readonly fd: number;
  readonly #capture: LiveCapture;
  readonly #passed = new Total();
  readonly #lost = new Total();

  constructor(capture: LiveCapture, linkType: LinkType) {
    this.name = capture.name;
    this.linkType = linkType;
    this.fd = capture.fd;
    this.#capture = capture;
  }

  drain(sink: FrameSink, most: number): number {
    let delivered = 0;
    while (delivered < most) {
      const wanted = Math.min(most - delivered, BATCH);
      const frames = this.#read(wanted);
      for (let i = 0, at = 0; i < frames; i++) {
        at = handOut(this.#capture.records, at, NATIVE, this.linkType, sink);
      }
      delivered += frames;
      // None waits any more: to ask again would cost a system call.
      if (frames < wanted) break;
    }
    return delivered;
  }

  stats(): { received: number; dropped: number } {
    if (this.#capture.isGone) throw noSuchInterface(this.name);
    const { passed, lost } = this.#capture.counts();
    return { received: this.#passed.follow(passed), dropped: this.#lost.follow(lost) };
  }

  get isDown(): boolean {
    return this.#capture.isDown;
  }

  close(): void {
    this.#capture.close();
  }

  #read(most: number): number {
    try {
      return this.#capture.read(most);
    } catch (error) {
      throw this.#capture.isGone ? noSuchInterface(this.name) : error;
    }
  }
}

/** The true sum behind a 32-bit counter that wraps; right when it is read at least once a wrap. */
class Total {
  #sum = 0;
  #last = 0;

  follow(counter: number): number {
    this.#sum += (counter - this.#last) >>> 0;
    this.#last = counter;
    return this.#sum;
  }
}
