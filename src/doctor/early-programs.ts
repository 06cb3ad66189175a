/** Check: no XDP or tc program sees packets before the guard does. */

import { SallyportError } from "../core/errors.ts";
import { incomingFilters, type Link } from "../native/links.ts";
import { tcxPrograms } from "../native/tcx-programs.ts";
import { type Findings, ok, unseen, warning } from "../core/finding.ts";

/** A program that sees packets before the guard does. */
export interface EarlyProgram {
  readonly link: string;
  /** "XDP (generic)", "tc u32", "tcx" */
  readonly what: string;
}

export interface EarlyFacts {
  readonly programs: readonly EarlyProgram[];
  /** Only CAP_NET_ADMIN sees tcx programs. */
  readonly tcxSeen: boolean;
}

export function checkEarlyPrograms({ programs, tcxSeen }: EarlyFacts): Findings {
  const findings = programs.map(({ link, what }) =>
    warning(
      `A program on ${link} sees packets before the guard does: ${what}`,
      `make sure that it neither drops knocks nor redirects guarded ports (ip link show ${link}, tc filter show dev ${link} ingress)`,
    ),
  );
  if (!tcxSeen) {
    findings.push(unseen("tcx programs", "run as root; in a container, run doctor on its host"));
  }
  return findings.length > 0
    ? findings
    : [ok("No XDP or tc program sees packets before the guard")];
}

export function earlyPrograms(
  links: readonly Link[],
  read: { filters(index: number): readonly string[]; tcx(index: number): number },
): EarlyProgram[] {
  return links.flatMap(({ index, name, xdp }) => [
    ...(xdp === undefined ? [] : [{ link: name, what: `XDP (${xdp})` }]),
    ...read.filters(index).map((kind) => ({ link: name, what: `tc ${kind}` })),
    ...(read.tcx(index) > 0 ? [{ link: name, what: "tcx" }] : []),
  ]);
}

/** Examines each of the links; only CAP_NET_ADMIN sees tcx programs. */
export function readEarly(links: readonly Link[]): EarlyFacts {
  let tcxSeen = true;
  const tcx = (index: number) => {
    try {
      return tcxPrograms(index);
    } catch (error) {
      if (!(error instanceof SallyportError)) throw error;
      tcxSeen = false;
      return 0;
    }
  };
  const programs = earlyPrograms(links, { filters: incomingFilters, tcx });
  return { programs, tcxSeen };
}
