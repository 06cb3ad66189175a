/**
 * `sallyport doctor`: everything on this machine that would stop a knock. Only looks, changes
 * nothing.
 */

import type { Settings } from "../config/settings.ts";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { readLinks } from "../native/links.ts";
import { checkConfiguration, readConfiguration } from "./configuration.ts";
import { checkEarlyPrograms, readEarly } from "./early-programs.ts";
import { checkExecutable, readExecutable } from "./executable.ts";
import { type Finding, type Findings, problem, unseen } from "../core/finding.ts";
import {
  examineBypass,
  examineRules,
  publishedPorts,
  publishedPortsIn,
} from "../foreign-rules/examine-rules.ts";
import type { Listing } from "../foreign-rules/listing.ts";
import { readListing } from "../foreign-rules/read-listing.ts";
import { checkInterfaces } from "./interfaces.ts";
import { checkKernel, probeKernel } from "./kernel.ts";
import { checkKeys, readKeys } from "./keys.ts";
import { checkLeftOut, probeLeftOut } from "./left-out.ts";
import { checkLibraries, readLibraries } from "./libraries.ts";
import { checkPrivileges, readPrivileges } from "./privileges.ts";
import { isGuarding } from "../control-plane/guard/guard-lock.ts";
import { checkRunning, readGuard, readRunning } from "./running.ts";
import { checkServices, inKnockRange, knockRanges } from "./services.ts";
import { processNames, readListening } from "./sockets.ts";
import { checkStateFolder, readStateFolder } from "./state-folder.ts";
import { checkTime, readTime } from "./time.ts";
import { checkTracking, otherTrackers, readTracking } from "./tracking.ts";

/** How the caller came by the configuration. */
export interface Taken {
  readonly why?: string | undefined;
  /** Somebody named it, and vouches for it. */
  readonly isNamed: boolean;
}

/**
 * The findings, in the order in which a person would look. `file` undefined: there is no
 * configuration, and checks that need one are left out. `why`: why it was taken, for the case that
 * it is refused. Findings are never thrown.
 */
export async function examine(
  file: string | undefined,
  { why, isNamed }: Taken = { isNamed: true },
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const look = async (check: string, at: () => Findings | Promise<Findings>) => {
    const found = await attempt(check, at);
    for (const finding of found) findings.push({ check, ...finding });
  };
  const rules = onceRead(readListing);
  await look("libraries", () => checkLibraries(readLibraries()));
  await look("privileges", () => checkPrivileges(readPrivileges()));
  await look("executable", () => checkExecutable(readExecutable()));
  await look("kernel", () => [...checkKernel(probeKernel()), ...checkLeftOut(probeLeftOut())]);
  await look("connection tracking", () =>
    checkTracking(readTracking(), otherTrackers(rules()), readGuard()),
  );
  const configuration = await readConfiguration(file, isNamed);
  await look("configuration", () => checkConfiguration(configuration, why));
  const { settings, answers } = configuration;
  if (settings === undefined) return findings;
  await look("keys", () => checkKeys(readKeys(settings), settings, answers));
  await look("state folder", () => checkStateFolder(readStateFolder(settings.server.stateDir)));
  await look("interfaces", () =>
    checkInterfaces({ wanted: settings.server.interfaces, links: readLinks() }),
  );
  await look("time", () => checkTime(readTime(), settings));
  await look("other tables", () => examineRules(settings, rules()));
  await look("bypass", () => examineBypass(settings, rules()));
  await look("early programs", () => checkEarlyPrograms(readEarly(readLinks())));
  await look("services", () => examineServices(settings, rules()));
  await look("daemon", async () => checkRunning(await readRunning(settings)));
  return findings;
}

/** Reads at the first call; every call throws the error of `read`, if there was one. */
function onceRead<T>(read: () => T): () => T {
  let found: { readonly value: T } | undefined;
  return () => (found ??= { value: read() }).value;
}

/** A failed check is a finding, not the end of the examination. */
async function attempt(check: string, at: () => Findings | Promise<Findings>): Promise<Findings> {
  try {
    return await at();
  } catch (error) {
    if (!(error instanceof SallyportError)) throw error;
    if (error.exitCode === ExitCode.privilege) return [unseen(`${check}: ${error.message}`)];
    const cut = error.message.lastIndexOf(": ");
    return [problem(error.message.slice(0, cut), error.message.slice(cut + 2))];
  }
}

function examineServices(settings: Settings, rules: Listing | undefined): Findings {
  const sockets = readListening();
  const inodes = new Set(inKnockRange({ settings, sockets }).map(({ socket }) => socket.inode));
  for (const { port, inode } of sockets) if (port === settings.api.listen.port) inodes.add(inode);
  return checkServices({
    settings,
    sockets,
    names: processNames(inodes),
    published: publishedPorts(settings, rules),
    publishedInRange: publishedPortsIn(knockRanges(settings), rules),
    daemonRuns: isGuarding() !== "no",
  });
}
