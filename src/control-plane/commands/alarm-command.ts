/** Runs the command of `[alarm]` when a knock seems to have been overheard. */

import { ALARM_PLACEHOLDERS, type AlarmPlaceholder } from "../../config/alarm.ts";
import { fillPlaceholders } from "../../config/run-command.ts";
import type { Settings } from "../../config/settings.ts";
import type { Clock } from "../../core/clock.ts";
import type { CommandEnd } from "../../core/command-end.ts";
import type { DaemonEvent } from "../../core/events.ts";
import { Allowance } from "../../core/allowance.ts";
import type { CommandQueue } from "./command-queue.ts";
import { commandTale } from "./command-tale.ts";

/**
 * An alarm comes once for each use of a knock, so only a holder of keys can make many. Still a command may
 * send mail or wake somebody, and a lost key must not become a storm of mails.
 */
const AT_ONCE = 6;
const PER_SECOND = 0.1;

type Log = (level: "warning", sentence: string) => void;

export class AlarmCommand {
  readonly #queue: Pick<CommandQueue, "add">;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #ended: (end: CommandEnd) => void;
  readonly #allowance = new Allowance(AT_ONCE, PER_SECOND);
  #silenced = false;

  /** `ended` receives the end of each command, for the audit log. */
  constructor(
    queue: Pick<CommandQueue, "add">,
    clock: Clock,
    log: Log,
    ended: (end: CommandEnd) => void,
  ) {
    this.#queue = queue;
    this.#clock = clock;
    this.#log = log;
    this.#ended = ended;
  }

  hear(event: DaemonEvent, alarm: Settings["alarm"]): void {
    if (event.type !== "knock.reused" || alarm === undefined) return;
    const { door, user, device, address, firstAddress } = event;
    if (!this.#allowance.take(this.#clock.monotonicMs())) {
      if (this.#silenced) return;
      this.#silenced = true;
      this.#log(
        "warning",
        `The alarm's command rests: it ran ${AT_ONCE} times within a minute: every alarm is still logged`,
      );
      return;
    }
    this.#silenced = false;
    const facts: Record<AlarmPlaceholder, string> = {
      door,
      user,
      device,
      address,
      first_address: firstAddress,
    };
    const argv = fillPlaceholders(alarm.run, facts, ALARM_PLACEHOLDERS);
    const program = argv[0] ?? "";
    const end = { door, address, command: "alarm", privileged: false, program } as const;
    const tale = commandTale(end, this.#ended);
    this.#queue.add({ argv, privileged: false, lane: "the alarm", ...tale });
  }
}
