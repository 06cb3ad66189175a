/** Connects to a port that a door may hide: as it is where it is open, else after a knock. */

import { readHost } from "../rks/profile-link.ts";
import type { Profile } from "../rks/profile-link.ts";
import type { KnockOutcome } from "./attempts.ts";
import { systemKnockDeps } from "./knock-deps.ts";
import type { KnockDeps } from "./knock-deps.ts";
import { knock } from "./knock.ts";
import type { KnockOptions } from "./knock.ts";
import type { Target } from "./targets.ts";

/** Where a connection is wanted. */
export interface Destination {
  /** A name or an address; often, but not always, the profile's. */
  readonly host: string;
  readonly port: number;
}

export type DialOptions = Pick<KnockOptions, "family" | "tries" | "gapMs" | "timeoutMs" | "vain">;

/** Whether two spellings name one host: case, brackets and a dot at the end do not count. */
export function isSameHost(one: string, other: string): boolean {
  const plain = (host: string) => (readHost(host) ?? host).toLowerCase().replace(/\.$/, "");
  return plain(one) === plain(other);
}

/**
 * Knocks go to the profile's host and nowhere else, whatever the destination: another host would learn a
 * sequence that is not used yet. Of its addresses those of a family that the destination has, since the
 * door opens to the address that knocked.
 */
async function knockTargets(
  profile: Profile,
  reached: readonly Target[],
  { family }: DialOptions,
  { network }: KnockDeps,
): Promise<readonly Target[]> {
  const all = await network.findTargets(profile.host, family);
  const fitting = all.filter((target) => reached.some((each) => each.family === target.family));
  return fitting.length === 0 ? all : fitting;
}

/** What a look at a port as it is has found. */
export interface Look {
  /** When it began, as Unix time. */
  readonly closedMs: number;
  readonly reached: readonly Target[];
  /** Its connection, where the port is open; an outcome as `dial` returns it. */
  readonly open?: KnockOutcome;
}

/** Tries a port as it is, without a knock. Throws a SallyportError where no address is known or reachable. */
export async function lookAt(
  to: Destination,
  { family }: DialOptions,
  { clock, network }: KnockDeps,
): Promise<Look> {
  const startedMs = clock.monotonicMs();
  const closedMs = clock.wallMs();
  const reached = await network.findTargets(to.host, family);
  const open = await network.firstOpen(reached, to.port);
  if (open === undefined) return { closedMs, reached };
  const elapsedMs = clock.monotonicMs() - startedMs;
  const facts = { port: to.port, attempts: 0, elapsedMs, sinceKnockMs: elapsedMs };
  return { closedMs, reached, open: { state: "open", before: "open", ...open, ...facts } };
}

/** The rest of `dial`, where a look has found the port closed. */
export async function dialClosed(
  profile: Profile,
  to: Destination,
  { reached, closedMs }: Look,
  options: DialOptions,
  deps: KnockDeps,
): Promise<KnockOutcome> {
  const same = isSameHost(to.host, profile.host);
  const targets = same ? reached : await knockTargets(profile, reached, options, deps);
  const waitAt = ({ family }: Target) =>
    reached.find((target) => target.family === family) ?? reached[0]!;
  return knock(
    profile,
    {
      ...options,
      targets,
      ...(same ? {} : { waitAt }),
      waitPort: to.port,
      keepSocket: true,
      // A link that names no port may be one to a door of one connection: there each needs its own knock.
      ...(profile.opens.length > 0 ? { closedMs } : {}),
    },
    deps,
  );
}

/**
 * A connection to `to`, `socket` of an outcome whose state is "open": paused, open at both ends until each
 * is ended, and the caller's. Knocks where nothing answers, and several processes of one user that
 * dial at once share a knock. Throws what `knock` throws.
 */
export async function dial(
  profile: Profile,
  to: Destination,
  options: DialOptions = {},
  deps: KnockDeps = systemKnockDeps(),
): Promise<KnockOutcome> {
  const look = await lookAt(to, options, deps);
  return look.open ?? dialClosed(profile, to, look, options, deps);
}
