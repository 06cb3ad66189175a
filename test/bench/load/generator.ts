/**
 * Sends a load through a packet socket, in portions, so that honest knocks can be sent between them from the
 * same thread: on two cores a generator of its own would take turns with the prober by the scheduler's grace.
 */

import { addressBytes, parseAddress } from "../../../src/core/address.ts";
import { FrameList, type PacketSocket } from "../../support/packet-socket.ts";
import type { Load } from "./load.ts";

/** Frames a system call at most: 64 save most of its price, and hold up an honest knock by 0.2 ms at worst. */
export const PORTION = 64;

/** Offsets in an Ethernet frame of IPv4 without options, linux/if_ether.h and linux/ip.h */
const IP = 14;
const IP_ID = IP + 4;
const IP_PROTOCOL = IP + 9;
const IP_CHECKSUM = IP + 10;
const IP_SOURCE = IP + 12;
const L4 = IP + 20;
const TCP_CHECKSUM = L4 + 16;
const UDP_CHECKSUM = L4 + 6;
const IPPROTO_UDP = 17;

/** The IP identification of honest frames; test/support/frames.ts gives it to all, a load takes it from its own. */
export const HONEST_ID = 1;
const FORGED_ID = 0;

/** One's complement sum, folded to 16 bits. */
function fold(sum: number): number {
  let rest = sum;
  while (rest > 0xffff) rest = (rest & 0xffff) + (rest >>> 16);
  return rest;
}

/** A first byte of 11 to 122: no loopback, no multicast, no network of a lab. */
function forgedAddress(random: number): number {
  return (((11 + ((random >>> 24) % 112)) << 24) | (random & 0xff_ff_ff)) >>> 0;
}

export function addressNumber(address: string): number {
  const bytes = addressBytes(parseAddress(address)!);
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
}

export class LoadGenerator {
  readonly #load: Load;
  readonly #socket: PacketSocket;
  readonly #list: FrameList;
  readonly #view: DataView;
  readonly #places: readonly (readonly [at: number, length: number])[];
  /** Sums of each frame's IP header and segment without the patched fields. */
  readonly #ipSums: readonly number[];
  readonly #l4Sums: readonly number[];
  /** Another beginning in each process and order, so that forged sources are new. Never 0. */
  #state = 1 + Math.floor(Math.random() * 0x7fff_fffe);
  #source = 0;
  #portAt = 0;
  #next = 0;
  #sent = 0;
  #startNs = 0;

  constructor(socket: PacketSocket, load: Load) {
    const templates = load.frames.map((frame) => Uint8Array.fromBase64(frame));
    const slots = Math.ceil(Math.max(PORTION, templates.length) / PORTION) * PORTION;
    const frames = Array.from({ length: slots }, (_, i) => templates[i % templates.length]!);
    let end = 0;
    this.#places = frames.map(({ length }) => [(end += length) - length, length] as const);
    const memory = new Uint8Array(end);
    frames.forEach((frame, i) => memory.set(frame, this.#places[i]![0]));
    this.#view = new DataView(memory.buffer);
    for (const [at] of this.#places) this.#view.setUint16(at + IP_ID, FORGED_ID);
    this.#load = load;
    this.#socket = socket;
    this.#list = new FrameList(memory, this.#places);
    this.#ipSums = this.#places.map(([at]) => this.#ipSum(at));
    this.#l4Sums = this.#places.map(([at, length]) => this.#l4Sum(at, length));
    if ("address" in load.source) this.#source = addressNumber(load.source.address);
  }

  #ipSum(at: number): number {
    let sum = 0;
    for (let i = IP; i < L4; i += 2) sum += this.#view.getUint16(at + i);
    for (const i of [IP_CHECKSUM, IP_SOURCE, IP_SOURCE + 2]) sum -= this.#view.getUint16(at + i);
    return sum;
  }

  /** Pseudo header and segment; odd lengths are padded with a zero byte. */
  #l4Sum(at: number, length: number): number {
    let sum = this.#view.getUint8(at + IP_PROTOCOL) + (length - L4);
    for (let i = IP_SOURCE + 4; i < L4; i += 2) sum += this.#view.getUint16(at + i);
    for (let i = L4; i < length; i++) {
      sum += i % 2 === 0 ? this.#view.getUint8(at + i) << 8 : this.#view.getUint8(at + i);
    }
    const left = [L4, ...(this.#load.ports === undefined ? [] : [L4 + 2]), TCP_CHECKSUM];
    for (const i of left) sum -= this.#view.getUint16(at + i);
    return sum;
  }

  /** The address that a load with the victim's source forges. */
  set victim(address: string) {
    if ("victim" in this.#load.source) this.#source = addressNumber(address);
  }

  get sent(): number {
    return this.#sent;
  }

  /** Counts from `nowNs` on: the frames due, and the frames sent. */
  begin(nowNs: number): void {
    this.#startNs = nowNs;
    this.#sent = 0;
  }

  /** Sends the frames due at `nowNs`, at most a portion of `most`. Returns how many it sent. */
  send(nowNs: number, most = PORTION): number {
    const { perSecond } = this.#load;
    const owed =
      perSecond === null
        ? most
        : Math.floor(((nowNs - this.#startNs) / 1e9) * perSecond) - this.#sent;
    const count = Math.min(most, owed, this.#list.count - this.#next);
    if (count <= 0) return 0;
    for (let i = this.#next; i < this.#next + count; i++) this.#patch(i);
    const done = Math.max(0, this.#socket.sendList(this.#list, this.#next, count));
    this.#next = (this.#next + done) % this.#list.count;
    this.#sent += done;
    return done;
  }

  /** xorshift32 */
  #random(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return x >>> 0;
  }

  #port(): number | undefined {
    const { ports } = this.#load;
    if (ports === undefined) return undefined;
    if ("random" in ports) {
      const [from, to] = ports.random;
      return from + (this.#random() % (to - from + 1));
    }
    const at = this.#portAt++;
    if ("list" in ports) return ports.list[at % ports.list.length]!;
    const [from, to] = ports.cycle;
    return from + (at % (to - from + 1));
  }

  #patch(i: number): void {
    const [at] = this.#places[i]!;
    const view = this.#view;
    const { source } = this.#load;
    if ("random" in source && (this.#sent + i - this.#next) % source.random.framesEach === 0)
      this.#source = forgedAddress(this.#random());
    view.setUint32(at + IP_SOURCE, this.#source);
    const sourceSum = (this.#source >>> 16) + (this.#source & 0xffff);
    view.setUint16(at + IP_CHECKSUM, ~fold(this.#ipSums[i]! + sourceSum) & 0xffff);
    const port = this.#port();
    if (port !== undefined) view.setUint16(at + L4 + 2, port);
    if (view.getUint8(at + IP_PROTOCOL) === IPPROTO_UDP) {
      view.setUint16(at + UDP_CHECKSUM, 0); // RFC 768: none
      return;
    }
    const sourcePort = 1024 + (this.#random() & 0x7fff);
    view.setUint16(at + L4, sourcePort);
    const sum = this.#l4Sums[i]! + sourceSum + sourcePort + (port ?? 0);
    view.setUint16(at + TCP_CHECKSUM, ~fold(sum) & 0xffff);
  }
}
