/** The outcome of a knock in words. */

import { formatPortRange } from "../core/port.ts";
import { isBlocked } from "./blocked-ports.ts";
import type { Door } from "./door.ts";
import type { Outcome } from "./knock.ts";
import type { Texts, Told } from "./texts.ts";

/** What is known beside the outcome. */
export interface Surroundings {
  readonly now: Date;
  readonly language: string;
  /** The browser may keep the page from the host of the door. */
  readonly network: boolean;
}

function timeOf({ now, language }: Surroundings): string {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "long" }).format(now);
}

export function tellOutcome(
  outcome: Outcome,
  door: Door,
  texts: Texts,
  surroundings: Surroundings,
): Told {
  switch (outcome.kind) {
    case "open":
      return outcome.before
        ? texts.openBefore(door.host, outcome.port)
        : texts.open(door.host, outcome.port, outcome.ms);
    case "changed":
      return texts.changed(outcome.port, surroundings.network);
    case "unclear":
      return texts.unclear(outcome.port, surroundings.network);
    case "sent":
      return texts.sent(
        door.opens
          .filter(({ proto, from }) => proto === "tcp" && isBlocked(from))
          .map(({ from }) => from)
          .join(", "),
      );
    case "silent":
      return texts.silent(outcome.port, {
        now: timeOf(surroundings),
        stepSeconds: door.stepSeconds,
        // In one piece, on one line.
        range: `${door.lo}\u2060–\u2060${door.hi}`,
        network: surroundings.network,
      });
    case "clock":
      return texts.clock(texts.duration(outcome.aheadMs / 1_000), timeOf(surroundings));
    case "offline":
      return texts.offline;
    case "forgetful":
      return texts.forgetful;
  }
}

/** "22/tcp, 8443/tcp". */
export function portsOpened({ opens }: Pick<Door, "opens">): string {
  return opens.map(formatPortRange).join(", ");
}
