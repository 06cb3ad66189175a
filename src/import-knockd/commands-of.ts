/**
 * The commands of a section, IPv4's and IPv6's together: the ports that the door opens, for how
 * long, and the commands that it runs.
 */

import { quote } from "../config/mistake.ts";
import type { PortRange } from "../core/port.ts";
import { formatPortRange } from "../core/port.ts";
import { analyse, type Analysis } from "./analyse.ts";
import type { DraftRun } from "./draft.ts";
import type { KnockdDoor, Setting } from "./read-file.ts";
import { type FindProgram, runByFamily } from "./run-argv.ts";
import { different, not, same, type Verdicts } from "./verdicts.ts";

export interface DoorActions {
  readonly opens: readonly PortRange[];
  readonly closes: readonly PortRange[] | "some" | undefined;
  /** The start command ends its own opening. */
  readonly forMs?: number;
  readonly run?: DraftRun;
  /** A stop command that takes effect. */
  readonly stops: boolean;
  /** The line of the command that takes effect. */
  readonly line: number;
}

interface Sides {
  /** The commands for IPv4, and for IPv6 unless there are others. */
  readonly main: Analysis;
  readonly line: number | undefined;
  readonly six: { readonly analysis: Analysis; readonly line: number } | undefined;
}

const list = (ports: readonly PortRange[]) =>
  ports.map((port) => `"${formatPortRange(port)}"`).join(", ");
const samePorts = (a: readonly PortRange[] = [], b: readonly PortRange[] = []) =>
  list(a) === list(b);

function sidesOf(main: Setting | undefined, six: Setting | undefined): Sides {
  return {
    main: analyse(main?.value ?? ""),
    line: main?.line,
    six: six && { analysis: analyse(six.value), line: six.line },
  };
}

/** Reports how the IPv6 command fits the door, which serves both families. */
function tellSix({ main, six }: Sides, verdicts: Verdicts, what: "opens" | "closes"): void {
  if (six === undefined) return;
  const { analysis, line } = six;
  const ours = what === "opens" ? main.opens : main.closes === "some" ? undefined : main.closes;
  const theirs =
    what === "opens" ? analysis.opens : analysis.closes === "some" ? undefined : analysis.closes;
  verdicts.add(line, ...analysis.remarks);
  const nothing =
    analysis.rest.length === 0 && theirs === undefined && analysis.closes === undefined;
  if (nothing) {
    verdicts.add(
      line,
      different("knockd did nothing for an IPv6 knocker; a door does the same for both families"),
    );
  } else if (theirs === undefined && analysis.closes === undefined) {
    verdicts.add(
      line,
      ours === undefined ? same("run") : different("it runs for IPv6 beside what the door opens"),
    );
  } else if (samePorts(ours, theirs)) {
    verdicts.add(line, same("a door does the same for both families"));
  } else if (theirs !== undefined) {
    const text = `a door does the same for both families, and for IPv6 this ${what} ${list(theirs)}`;
    verdicts.add(line, not(`${text}: write them into "opens" if both may have them`));
  }
}

/** The command of `side` that must still run, for both families; undefined where there is none. */
function runOfSides(
  { main, line, six }: Sides,
  find: FindProgram,
  verdicts: Verdicts,
): readonly string[] | undefined {
  // Doors that open a port have one command for both families: IPv4's, where IPv6 has none.
  const run = runByFamily(main.rest, six?.analysis.rest ?? main.rest, find);
  const at = line ?? six?.line;
  if (run !== undefined && at !== undefined) verdicts.add(at, ...run.remarks);
  const impossible = run?.remarks.some(({ level }) => level === "not");
  return impossible === true ? undefined : run?.argv;
}

function tellPrivileges(
  line: number,
  { rest }: Analysis,
  firewall: boolean,
  verdicts: Verdicts,
): void {
  const privileged = "it runs with the daemon's privileges (privileged = true)";
  const bare = "it runs without root's privileges: write privileged = true where it needs them";
  verdicts.add(line, different(firewall ? privileged : bare));
  const user = rest.find((piece) => piece.user !== undefined)?.user;
  if (user === undefined) return;
  const text = `it is to run as ${quote(user)}, and sudo does not work in the sandbox of the service: let the program take that user itself`;
  verdicts.add(line, different(text));
}

/**
 * Reads the commands of a section and reports the fate of each line. Returns the reason where they
 * cannot become a door.
 */
export function actionsOf(
  { texts }: KnockdDoor,
  find: FindProgram,
  verdicts: Verdicts,
): DoorActions | string {
  const { START_COMMAND: start4, START_COMMAND_6: start6 } = texts;
  const given4 = start4 !== undefined && start4.value !== "";
  const first = given4 ? start4 : start6;
  if (start4 !== undefined && !given4) {
    verdicts.add(
      start4.line,
      given6(start6)
        ? different("IPv4 knockers got nothing; a door does the same for both families")
        : not("it is empty"),
    );
  }
  if (first === undefined || first.value === "") {
    if (start6 !== undefined) verdicts.add(start6.line, not("it is empty"));
    tellIdle(texts, "without a start command it never ran", verdicts);
    return "it has no start command, so that knockd only logged it";
  }
  const start = sidesOf(first, given4 ? start6 : undefined);
  verdicts.add(first.line, ...start.main.remarks);
  if (start.main.foreign !== undefined) {
    tellIdle(texts, "its start command is not convertible", verdicts);
    return start.main.foreign;
  }
  const { STOP_COMMAND: stop4, STOP_COMMAND_6: stop6 } = texts;
  const given = stop4 !== undefined && stop4.value !== "";
  const stop = sidesOf(given ? stop4 : stop6, given ? stop6 : undefined);
  const stopLine = given ? stop4.line : stop6?.line;
  if (stop4 !== undefined && !given) verdicts.add(stop4.line, same("it is empty"));
  const { opens = [], closes, forMs } = start.main;

  const open = runOfSides(start, find, verdicts);
  const close = runOfSides(stop, find, verdicts);
  const firewall =
    start.main.firewall || stop.main.firewall || start.six?.analysis.firewall === true;
  if (opens.length > 0) verdicts.add(first.line, same(`opens = [${list(opens)}]`));
  if (open !== undefined) {
    verdicts.add(first.line, same("run.open"));
    tellPrivileges(first.line, start.main, firewall, verdicts);
  }
  tellSix(start, verdicts, opens.length > 0 ? "opens" : "closes");
  if (stopLine !== undefined && (given || (stop6?.value ?? "") !== "")) {
    tellStop(stop, stopLine, opens, verdicts);
    if (close !== undefined) tellPrivileges(stopLine, stop.main, firewall, verdicts);
  }
  if (stop6 !== undefined && !verdicts.has(stop6.line))
    verdicts.add(stop6.line, same("it is empty"));
  const stops = stopLine !== undefined && (given || (stop6?.value ?? "") !== "");
  const run = open !== undefined || close !== undefined;
  return {
    opens,
    closes: opens.length > 0 ? undefined : closes,
    ...(forMs !== undefined && { forMs }),
    ...(run && { run: { ...(open && { open }), ...(close && { close }), privileged: firewall } }),
    stops,
    line: first.line,
  };
}

const given6 = (start6: Setting | undefined) => start6 !== undefined && start6.value !== "";

/** A stop command that ends a grant of the kernel has no work left. */
function tellStop(
  stop: Sides,
  line: number,
  opens: readonly PortRange[],
  verdicts: Verdicts,
): void {
  const { main } = stop;
  verdicts.add(line, ...main.remarks);
  if (main.closes !== undefined && opens.length > 0) {
    verdicts.add(line, same("the kernel closes the door by itself when open_for is over"));
    if (main.closes !== "some" && !samePorts(main.closes, opens)) {
      verdicts.add(
        line,
        different(
          `it took away ${list(main.closes)}, and the door closes what it opened: ${list(opens)}`,
        ),
      );
    }
  } else if (main.closes !== undefined) {
    verdicts.add(
      line,
      different("it takes away a rule that its start command did not add: left out"),
    );
  }
  if (main.opens !== undefined) {
    verdicts.add(
      line,
      not(`it opens ${list(main.opens)} at the end, and a door only closes: write a door for it`),
    );
  }
  if (main.rest.length > 0) verdicts.add(line, same("run.close"));
  if (!verdicts.has(line)) verdicts.add(line, same("it does nothing"));
  tellSix(stop, verdicts, "closes");
}

/** The other lines of a section that does nothing. */
function tellIdle(texts: KnockdDoor["texts"], why: string, verdicts: Verdicts): void {
  for (const key of ["STOP_COMMAND", "STOP_COMMAND_6", "CMD_TIMEOUT", "START_COMMAND_6"] as const) {
    const setting = texts[key];
    if (setting !== undefined && !verdicts.has(setting.line)) verdicts.add(setting.line, not(why));
  }
}
