/** A frame of which copies are made with other sources and ports, and right checksums. */

/** linux/if_ether.h, linux/ip.h, linux/ipv6.h */
const IP = 14;
const IPPROTO_UDP = 17;

/** One's complement sum, folded to 16 bits. */
function fold(sum: number): number {
  let rest = sum;
  while (rest > 0xffff) rest = (rest & 0xffff) + (rest >>> 16);
  return rest;
}

export class ForgedFrame {
  readonly #frame: Uint8Array;
  readonly #v6: boolean;
  readonly #udp: boolean;
  readonly #sourceAt: number;
  readonly #l4: number;

  /** An Ethernet frame of IPv4 without options, or IPv6 without extensions; its checksums are right. */
  constructor(frame: Uint8Array) {
    this.#frame = frame;
    this.#v6 = frame[IP]! >>> 4 === 6;
    this.#udp = frame[IP + (this.#v6 ? 6 : 9)] === IPPROTO_UDP;
    this.#sourceAt = IP + (this.#v6 ? 20 : 12); // the last four bytes of the source
    this.#l4 = IP + (this.#v6 ? 40 : 20);
  }

  /** A copy to `port` from a random source; `random(n)` is below `n`. */
  forge(random: (below: number) => number, port: number): Uint8Array {
    const bytes = this.#frame.slice();
    const view = new DataView(bytes.buffer);
    let change = 0;
    const put = (at: number, value: number) => {
      change += value - view.getUint16(at) + 0xffff; // RFC 1624, one's complement
      view.setUint16(at, value);
    };
    // Of IPv4 a first byte of 11 to 122: no loopback, no multicast, no network of a lab.
    put(this.#sourceAt, this.#v6 ? random(65_536) : ((11 + random(112)) << 8) | random(256));
    put(this.#sourceAt + 2, random(65_536));
    const addressChange = change;
    put(this.#l4, 1_024 + random(60_000));
    put(this.#l4 + 2, port);
    const fix = (at: number, by: number) => {
      view.setUint16(at, ~fold((~view.getUint16(at) & 0xffff) + by) & 0xffff);
    };
    if (!this.#udp) fix(this.#l4 + 16, change);
    // RFC 768: none; IPv6 datagrams need one, and none are made here.
    else view.setUint16(this.#l4 + 6, 0);
    if (!this.#v6) fix(IP + 10, addressChange);
    return bytes;
  }
}
