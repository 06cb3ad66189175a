/** Runs the command of `[alarm]` when a knock seems to have been overheard. */

import { ALARM_PLACEHOLDERS, type AlarmPlaceholder } from "../../config/alarm.ts";
import { fillPlaceholders } from "../../config/run-command.ts";
import type { Settings } from "../../config/settings.ts";
import type { Clock } from "../../core/clock.ts";
import type { DaemonEvent } from "../../core/events.ts";
import { Allowance } from "../../core/allowance.ts";
import type { CommandQueue } from "./command-queue.ts";

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
  readonly #allowance = new Allowance(AT_ONCE, PER_SECOND);
  #silenced = false;

  constructor(queue: Pick<CommandQueue, "add">, clock: Clock, log: Log) {
    this.#queue = queue;
    this.#clock = clock;
    this.#log = log;
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
    const what = `an alarm about ${door} and ${address}`;
    this.#queue.add({ argv, privileged: false, lane: "the alarm", what });
  }
}
