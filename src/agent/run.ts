/** Runs an agent until it is told to end, and says at the start what it serves. */

import type { KnockDeps } from "../client/knock-deps.ts";
import { formatPlace } from "../client/places.ts";
import { Agent } from "./agent.ts";
import type { AgentOptions } from "./agent.ts";
import { forwardRoute } from "./forward-route.ts";
import { proxyPage } from "./proxy-page.ts";
import { portsOf } from "./routes.ts";
import type { Route, SavedProfile } from "./routes.ts";
import { profilesAtStart, savedProfiles } from "./saved-profiles.ts";

/** Ways to tell something: `note` each time, `report` each thing once, `detail` to those who ask for it. */
export interface Tell {
  readonly print: (line: string) => void;
  readonly note: (line: string) => void;
  readonly report: (line: string) => void;
  readonly detail: (line: string) => void;
}

export interface AgentPlan extends AgentOptions {
  /** Of the saved profiles. */
  readonly folder: string;
  /** Those to serve; all where it is empty. */
  readonly names: readonly string[];
}

function tellStart(
  saved: readonly SavedProfile[],
  routes: readonly Route[],
  { proxy, forwards, share }: AgentPlan,
  { print, note }: Tell,
): void {
  if (proxy !== undefined) {
    print(`SOCKS5 and HTTP CONNECT on ${formatPlace(proxy)}; for browsers ${proxyPage(proxy)}`);
  }
  for (const { name, profile } of saved) {
    const ports = portsOf(profile);
    if (ports !== "") print(`  ${name}: ${profile.host}, ${ports}`);
    else note(`the link of ${name} names no TCP port: only a --forward leads through its door`);
  }
  for (const [i, { at }] of forwards.entries()) {
    const { name, to } = routes[i]!;
    const place = formatPlace({ address: to.host, port: to.port });
    print(`${formatPlace(at)} leads to ${place} (${name})`);
  }
  if (share) note("everybody who reaches these ports comes through your doors");
}

/** Resolves when `ended` does. Throws a SallyportError where the agent cannot start. */
export async function runAgent(
  plan: AgentPlan,
  knock: KnockDeps,
  tell: Tell,
  ended: Promise<void>,
): Promise<void> {
  const { folder, names, proxy, forwards } = plan;
  const saved = proxy === undefined ? [] : profilesAtStart(folder, names, tell.note);
  const routes = forwards.map((forward) => forwardRoute(folder, forward));
  using agent = new Agent(plan, {
    knock,
    saved: () => savedProfiles(folder, names, tell.report),
    routeOf: (forward) => forwardRoute(folder, forward),
    report: tell.report,
    reportMore: tell.detail,
  });
  await agent.start();
  tellStart(saved, routes, plan, tell);
  await ended;
}
