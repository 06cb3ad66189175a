/**
 * `sallyport check`: whether a configuration is right, what it would guard, how strong it is, and
 * what it changes.
 */

import { Command } from "@commander-js/extra-typings";
import type { Bound } from "../keys/forgery-bound.ts";
import { formatChance } from "../config/chance.ts";
import { boundOf, checkBound, formatBound } from "../keys/forgery-bound.ts";
import {
  dangerOf,
  describeDifferences,
  differencesOf,
  needsStart,
  termsOf,
} from "../config/differences.ts";
import { lastTerms } from "../keys/last-terms.ts";
import { findConfig, withConfig } from "../config/find.ts";
import { configJsonSchema } from "../config/json-schema.ts";
import type { DeviceKey } from "../keys/keys.ts";
import { loadKeys } from "../keys/keys.ts";
import { loadSettings } from "../config/load.ts";
import { EVERYBODY, formatUsers } from "../config/names.ts";
import type { Door, Settings } from "../config/settings.ts";
import { programWarnings } from "../config/program-warnings.ts";
import { settingsWarnings } from "../config/warnings.ts";
import { isTrigger, weaknessOf } from "../config/weakness.ts";
import { keyWarnings } from "../keys/key-warnings.ts";
import { formatDuration } from "../core/duration.ts";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { guessChance } from "../core/fixed-sequence.ts";
import { formatPort, formatPortRange } from "../core/port.ts";
import { print, printable, printJson, printTable } from "./output.ts";

/** The interfaces of the configuration that do not exist, as far as this machine is concerned. */
interface InterfacesHere {
  readonly warnings: readonly string[];
  /** Why a reload in place of these settings would be refused, as a clause. */
  readonly deafTo: (running: Settings) => string | undefined;
}

async function interfacesHere(settings: Settings): Promise<InterfacesHere> {
  const { describeMissing, isDeaf, missingInterfaces } =
    await import("../control-plane/missing-interfaces.ts");
  const missing = missingInterfaces(settings);
  const said = describeMissing(missing);
  return {
    warnings: said === undefined ? [] : [said],
    deafTo: (running) => (isDeaf(running, settings, missing) ? said : undefined),
  };
}

/**
 * The effects of a reload. Empty where no daemon runs or ran, or its configuration may not be read.
 */
function reloadLines(
  file: string,
  settings: Settings,
  keys: readonly DeviceKey[],
  { deafTo }: InterfacesHere,
): string[] {
  const running = lastTerms(file);
  if (running === undefined) return [];
  const refused = needsStart(running.settings, settings);
  if (refused !== undefined) {
    return [`A reload would be refused: ${refused}, which takes effect at the next start only`];
  }
  const deaf = deafTo(running.settings);
  if (deaf !== undefined) return [`A reload would be refused: ${deaf}`];
  const differences = differencesOf(running, termsOf(settings, keys));
  const danger = dangerOf(differences, settings);
  const asks = danger === undefined ? [] : [`A reload would need --yes, or --arm 5m: ${danger}`];
  return [...describeDifferences(differences), ...asks];
}

/** Answers of the firewall and of this machine, which only the wiring of the commands can give. */
export interface Surroundings {
  /** The rule set that would be loaded, as text. */
  readonly renderGuard: (settings: Settings) => Promise<string>;
  /** Conditions of this machine that would be in the way, one sentence each. */
  readonly warningsHere: (settings: Settings) => Promise<readonly string[]>;
}

function opensText({ opens, run }: Door): string {
  return [...opens.map(formatPortRange), ...(run ? ["a command"] : [])].join(", ");
}

function forText(door: Door): string {
  if (door.users.length > 0) return formatUsers(door.users);
  return isTrigger(door) ? "everybody" : "anybody who knows the sequence";
}

function knockText({ fixed, space }: Door): string {
  if (fixed !== undefined) return fixed.knocks.map(formatPort).join(" ");
  const { ports, lo, hi, proto, stepSeconds } = space;
  return `${ports} of ${lo}-${hi}/${proto}, new every ${stepSeconds}s`;
}

function timeText({ openForMs, idleCloseMs, maxOpenMs, uses }: Door): string {
  const open = formatDuration(openForMs);
  if (uses === "one") return `${open}, one connection`;
  if (idleCloseMs === undefined || maxOpenMs === undefined) return open;
  return `${open}, then ${formatDuration(idleCloseMs)} idle, at most ${formatDuration(maxOpenMs)}`;
}

interface UserKeys {
  readonly user: string;
  readonly devices: readonly string[];
}

/** Users of doors first, in their order; then users that only have keys. */
function usersOf(settings: Settings, keys: readonly DeviceKey[]): UserKeys[] {
  const devices = new Map<string, string[]>();
  for (const user of settings.doors.flatMap((door) => door.users)) devices.set(user, []);
  devices.delete(EVERYBODY);
  for (const { user, device } of keys) {
    const own = devices.get(user);
    if (own === undefined) devices.set(user, [device]);
    else own.push(device);
  }
  return [...devices].map(([user, own]) => ({ user, devices: own }));
}

/** A screenful; --json and "sallyport user list" show all. */
const MOST_SHOWN = 50;

function printUsers(users: readonly UserKeys[]): void {
  if (users.length === 0) return;
  printTable(
    [{ title: "USER" }, { title: "DEVICES WITH A KEY" }],
    users.slice(0, MOST_SHOWN).map(({ user, devices }) => [user, formatDevices(devices)]),
  );
  if (users.length > MOST_SHOWN) {
    print(`and ${users.length - MOST_SHOWN} more users: see "sallyport user list"`);
  }
}

function formatDevices(devices: readonly string[]): string {
  if (devices.length === 0) return "no key";
  return devices.length > MOST_SHOWN ? `${devices.length} devices` : devices.join(", ");
}

function fixedDoors(settings: Settings): { door: string; scanChance: number }[] {
  return settings.doors.flatMap(({ name, fixed, weak }) =>
    fixed ? [{ door: name, scanChance: weak === true ? 1 : guessChance(fixed) }] : [],
  );
}

function fixedLines(door: Door): string[] {
  if (door.fixed === undefined) return [];
  if (isTrigger(door)) {
    const knock = formatPort(door.fixed.knocks[0]!);
    return [
      `Anybody who connects to ${knock} runs the command of ${door.name}: one knock is no secret`,
    ];
  }
  const weakness = weaknessOf(door);
  if (weakness !== undefined) return [`The knock of ${door.name} is ${weakness}: weak`];
  return [
    `Chance that one scan in random order opens ${door.name}: ${formatChance(guessChance(door.fixed))}; anybody who sees its knock can repeat it`,
  ];
}

/** The keys, or the error that root alone may read them: the rest can be checked without. */
function tryKeys(stateDir: string): { keys: DeviceKey[]; denied?: SallyportError } {
  try {
    return { keys: loadKeys(stateDir) };
  } catch (error) {
    if (!(error instanceof SallyportError) || error.exitCode !== ExitCode.privilege) throw error;
    return { keys: [], denied: error };
  }
}

function printReport(settings: Settings, keys: readonly DeviceKey[], denied: boolean): void {
  printTable(
    [
      { title: "DOOR" },
      { title: "OPENS" },
      { title: "FOR" },
      { title: "KNOCK" },
      { title: "OPEN" },
    ],
    settings.doors.map((door) => [
      door.name,
      opensText(door),
      forText(door),
      knockText(door),
      timeText(door),
    ]),
  );
  if (!denied) {
    print("");
    printUsers(usersOf(settings, keys));
  }
  print("");
  if (!denied && settings.doors.some(({ users }) => users.length > 0)) {
    const bound = boundOf(settings, keys);
    const devices = bound.doors.reduce((sum, door) => sum + door.devices, 0);
    print(`Keys, counted at each door that they open: ${devices}`);
    print(formatBound(bound).replace(/^c/, "C"));
  }
  for (const line of settings.doors.flatMap(fixedLines)) print(line);
}

function reportJson(
  file: string,
  settings: Settings,
  keys: readonly DeviceKey[],
  bound: Bound,
  warnings: readonly string[],
  reload: readonly string[],
) {
  const { alwaysAllow: _, ...guard } = settings.guard;
  return {
    config: file,
    doors: settings.doors.map((door) => ({
      name: door.name,
      opens: door.opens.map(formatPortRange),
      users: door.users,
      sequence: door.fixed?.knocks.map(formatPort),
      space: door.users.length > 0 ? door.space : undefined,
      openForMs: door.openForMs,
      idleCloseMs: door.idleCloseMs,
      maxOpenMs: door.maxOpenMs,
      uses: door.uses,
    })),
    guard,
    users: usersOf(settings, keys),
    forgery: {
      perDay: bound.perDay,
      limit: bound.limit,
      portsNeeded: bound.portsNeeded,
      fixed: fixedDoors(settings),
    },
    reload,
    warnings,
  };
}

export function checkCommand({ renderGuard, warningsHere }: Surroundings) {
  return new Command("check")
    .description(
      "Validate the configuration; print its doors, their strength, the effect of a reload",
    )
    .option("--config <file>", "configuration file")
    .option("--rules", "print the rule set that would be loaded, and nothing else")
    .option("--schema", "print the JSON Schema of config.toml, for editors, and nothing else")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nChanges nothing. Exits with 78 and one line for every mistake.\n" +
        "\nExample:\n  sallyport check --config /etc/sallyport/config.toml",
    )
    .action(async (options) => {
      if (options.schema) {
        printJson(configJsonSchema());
        return;
      }
      const file = findConfig(options.config);
      const settings = withConfig(options.config, loadSettings);
      if (options.rules === true) {
        print(await renderGuard(settings));
        return;
      }
      const { keys, denied } = tryKeys(settings.server.stateDir);
      const interfaces = await interfacesHere(settings);
      const warnings = [
        ...settingsWarnings(settings),
        ...(denied ? [] : keyWarnings(settings, keys)),
        ...programWarnings(settings),
        ...interfaces.warnings,
        ...(await warningsHere(settings)),
      ];
      const reload = denied ? [] : reloadLines(file, settings, keys, interfaces);
      if (options.json) {
        printJson(reportJson(file, settings, keys, boundOf(settings, keys), warnings, reload));
      } else {
        printReport(settings, keys, denied !== undefined);
        if (reload.length > 0) print("\nCompared with the configuration that runs, or ran last:");
        for (const line of reload) print(printable(`  ${line}`));
        if (warnings.length > 0) print("");
        for (const warning of warnings) print(printable(`Warning: ${warning}`));
      }
      if (denied) throw denied;
      checkBound(settings, keys);
    });
}
