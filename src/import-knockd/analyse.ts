/**
 * One command of knockd as a whole: the ports it opens and closes, for how long, and the rest that
 * must still run.
 */

import { distinctRanges, type PortRange } from "../core/port.ts";
import { type Change, UNSURE } from "./effect.ts";
import { runsFirewall, type Step, stepsOf } from "./effects-of.ts";
import type { ShellCommand } from "./shell-commands.ts";
import { different, not, type Remark, same } from "./verdicts.ts";

/** A command that must still run. */
export interface Piece {
  readonly command: ShellCommand;
  readonly user?: string;
}

export interface Analysis {
  /** The ports that it opens; undefined where it opens no known port. */
  readonly opens?: readonly PortRange[];
  /** It ends its own opening after this time. */
  readonly forMs?: number;
  /** The ports that it closes; "some" where it does not say which. */
  readonly closes?: readonly PortRange[] | "some";
  readonly rest: readonly Piece[];
  /** `rest` changes a firewall, and needs privileges for that. */
  readonly firewall: boolean;
  /** It is meant for another system: a door cannot do it. */
  readonly foreign?: string;
  readonly remarks: readonly Remark[];
}

const clause = ({ text }: ShellCommand) => (text.length > 60 ? `${text.slice(0, 60)}…` : text);

/** A command that sallyport cannot take apart is one piece, for a shell. */
function unreadable(text: string): Analysis {
  const command = {
    words: [text],
    text,
    joint: undefined,
    plain: false,
    redirected: false,
    settings: "",
    guessed: [],
  };
  const firewall = runsFirewall(text);
  const remarks = firewall
    ? [different(`it changes a firewall in a way that nothing here can read: ${UNSURE}`)]
    : [];
  return { rest: [{ command }], firewall, remarks };
}

/** Open, wait, close: a door with a time. Close, then open: a rule that must not exist twice. */
function withoutOwnEnds(steps: readonly Step[]): { steps: Step[]; forMs?: number } {
  const kept = [...steps];
  let forMs: number | undefined;
  const opens = () => kept.findIndex(({ effect }) => effect.kind === "open");
  for (let at = 0; at + 1 < kept.length; at++) {
    const { effect } = kept[at]!;
    if (
      effect.kind === "wait" &&
      opens() >= 0 &&
      opens() < at &&
      kept[at + 1]!.effect.kind === "close"
    ) {
      forMs = effect.ms;
      kept.splice(at, 2);
    }
  }
  const firstOpen = opens();
  const renews = (step: Step, at: number) =>
    step.effect.kind === "close" &&
    at < firstOpen &&
    overlaps(step.effect, kept[firstOpen]!.effect as Change);
  return {
    steps: kept.filter((step, at) => !renews(step, at)),
    ...(forMs !== undefined && { forMs }),
  };
}

function overlaps(a: Change, b: Change): boolean {
  if (a.ports === undefined || b.ports === undefined) return true;
  return a.ports.some((one) =>
    b.ports!.some(({ proto, from, to }) => one.proto === proto && one.from <= to && from <= one.to),
  );
}

/** Runs only where the command before it fails; a grant of the kernel does not fail. */
function isFallback(step: Step, before: Step | undefined): boolean {
  return step.command.joint === "||" && before?.effect.kind === "open";
}

/** `(sleep 60; iptables -D …) &`: brackets change nothing where all that stands in them is about a door. */
function withoutBrackets(text: string): Step[] | undefined {
  const steps = stepsOf(text.replaceAll(/[()]/g, " "));
  const about = new Set(["open", "close", "wait", "nothing"]);
  const simple = steps?.every(
    ({ effect, command }) => about.has(effect.kind) && command.joint !== "||",
  );
  return simple === true ? steps : undefined;
}

/** Takes a command apart. `text` may be empty; it then does nothing. */
export function analyse(text: string): Analysis {
  const read = text === "" ? [] : (stepsOf(text) ?? withoutBrackets(text));
  if (read === undefined) return unreadable(text);
  const remarks: Remark[] = [];
  const fallbacks = read.filter((step, at) => isFallback(step, read[at - 1]));
  for (const { command } of fallbacks) {
    remarks.push(
      different(`"${clause(command)}" is left out: it runs only where the rule before it fails`),
    );
  }
  const { steps, forMs: waitedMs } = withoutOwnEnds(
    read.filter((step) => !fallbacks.includes(step)),
  );
  const opens: PortRange[] = [];
  const closes: PortRange[] = [];
  const rest: Piece[] = [];
  let closesSome = false;
  let firewall = false;
  let foreign: string | undefined;
  let forMs = waitedMs;
  let removed = false;
  const keep = ({ command, user }: Step) => {
    // The operator between them is gone together with the command before it.
    const joint = rest.length === 0 ? undefined : removed ? (";" as const) : command.joint;
    rest.push({ command: { ...command, joint }, ...(user !== undefined && { user }) });
    removed = false;
  };
  for (const step of steps) {
    const { command, effect } = step;
    if (command.redirected && effect.kind !== "program" && effect.kind !== "firewall") {
      remarks.push(different("its output goes nowhere"));
    }
    for (const name of command.guessed) {
      remarks.push(different(`$${name} is set nowhere here: taken for ${command.words[0]}`));
    }
    if (effect.kind === "firewall") {
      firewall = true;
      remarks.push(different(`${effect.why}: ${effect.instead}`));
    }
    if (effect.kind === "program" || effect.kind === "firewall" || effect.kind === "wait") {
      keep(step);
      continue;
    }
    removed = true;
    if (effect.kind === "nothing") {
      remarks.push(same(`"${clause(command)}" is left out: ${effect.why}`));
    } else if (effect.kind === "foreign") {
      foreign ??= effect.why;
      remarks.push(not(`${effect.why}: write the ports that it is about into "opens"`));
    } else {
      remarks.push(...effect.differences.map(different));
      if (effect.kind === "open") {
        opens.push(...(effect.ports ?? []));
        forMs = effect.forMs ?? forMs;
      } else if (effect.ports === undefined) closesSome = true;
      else closes.push(...effect.ports);
    }
  }
  const changes = opens.length > 0 || closes.length > 0 || closesSome;
  const pauses =
    changes && rest.length > 0 && rest.every(({ command }) => command.words[0] === "sleep");
  if (pauses) remarks.push(different("the pause is left out"));
  return {
    ...(opens.length > 0 && { opens: distinctRanges(opens) }),
    ...(forMs !== undefined && { forMs }),
    ...((closesSome || closes.length > 0) && {
      closes: closesSome && closes.length === 0 ? "some" : distinctRanges(closes),
    }),
    rest: pauses ? [] : rest,
    firewall,
    ...(foreign !== undefined && { foreign }),
    remarks,
  };
}
