/** Ports and port ranges as people write them: "22/tcp", "8000-8010/udp". */

export type Proto = "tcp" | "udp";

/** IANA protocol numbers, as packets and nftables keys hold them. */
export const PROTO_NUMBER = { tcp: 6, udp: 17 } as const;

/** One port of one protocol; in a fixed sequence, one knock. */
export interface Port {
  readonly proto: Proto;
  readonly port: number;
}

/** An inclusive range of ports of one protocol; a single port has `from === to`. */
export interface PortRange {
  readonly proto: Proto;
  readonly from: number;
  readonly to: number;
}

const RANGE = /^(\d{1,5})(?:-(\d{1,5}))?(?:[/:](tcp|udp))?$/;

/**
 * Reads "22", "22/tcp", "8000-8010/udp" and knockd's "8000:udp"; TCP where no protocol is named.
 * Undefined for any other text, for port 0 or above 65535, and for a range that runs backwards.
 */
export function parsePortRange(text: string): PortRange | undefined {
  const match = RANGE.exec(text);
  if (match === null) return undefined;
  const from = Number(match[1]);
  const to = match[2] === undefined ? from : Number(match[2]);
  if (from < 1 || to > 65_535 || from > to) return undefined;
  return { proto: (match[3] ?? "tcp") as Proto, from, to };
}

/** Like `parsePortRange`, for a single port. */
export function parsePort(text: string): Port | undefined {
  const range = parsePortRange(text);
  if (range === undefined || range.from !== range.to) return undefined;
  return { proto: range.proto, port: range.from };
}

/** "22/tcp", "8000-8010/udp". */
export function formatPortRange(range: PortRange): string {
  const ports = range.from === range.to ? `${range.from}` : `${range.from}-${range.to}`;
  return `${ports}/${range.proto}`;
}

/** "22/tcp". */
export function formatPort(port: Port): string {
  return `${port.port}/${port.proto}`;
}

/** Single ports as ranges; neighbours are joined. */
export function joinPorts(ports: readonly Port[]): PortRange[] {
  const ranges: { proto: Port["proto"]; from: number; to: number }[] = [];
  const sorted = ports.toSorted((a, b) => a.proto.localeCompare(b.proto) || a.port - b.port);
  for (const { proto, port } of sorted) {
    const last = ranges.at(-1);
    if (last?.proto === proto && port <= last.to + 1) last.to = port;
    else ranges.push({ proto, from: port, to: port });
  }
  return ranges;
}

export function rangesOverlap(a: PortRange, b: PortRange): boolean {
  return a.proto === b.proto && a.from <= b.to && b.from <= a.to;
}

/** Whether a TCP port is in one of the ranges. */
export function includesTcp(ranges: readonly PortRange[], port: number): boolean {
  return ranges.some(({ proto, from, to }) => proto === "tcp" && from <= port && port <= to);
}

/** `ranges` without the ports of `taken`. */
export function withoutRanges(
  ranges: readonly PortRange[],
  taken: readonly PortRange[],
): PortRange[] {
  return taken.reduce<PortRange[]>(
    (left, gone) =>
      left.flatMap((range) => {
        if (!rangesOverlap(range, gone)) return [range];
        const below = { ...range, to: gone.from - 1 };
        const above = { ...range, from: gone.to + 1 };
        return [below, above].filter(({ from, to }) => from <= to);
      }),
    [...ranges],
  );
}

/** The ports of `ranges`, each once, in the same order. */
export function distinctRanges(ranges: readonly PortRange[]): PortRange[] {
  const distinct: PortRange[] = [];
  for (const range of ranges) distinct.push(...withoutRanges([range], distinct));
  return distinct;
}

/** The part of `ranges` that `others` contains too. */
export function commonRanges(
  ranges: readonly PortRange[],
  others: readonly PortRange[],
): PortRange[] {
  return withoutRanges(ranges, withoutRanges(ranges, others));
}
