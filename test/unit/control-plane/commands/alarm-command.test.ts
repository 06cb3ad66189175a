/** The command of an alarm: its arguments, and how often it may run. */

import { describe, expect, test } from "bun:test";
import type { DaemonEvent } from "../../../../src/core/events.ts";
import { AlarmCommand } from "../../../../src/control-plane/commands/alarm-command.ts";
import type { Command } from "../../../../src/control-plane/commands/command-queue.ts";
import type { CommandEnd } from "../../../../src/core/command-end.ts";
import { NOW } from "../../../support/matcher.ts";
import { HandClock } from "../../../support/daemon.ts";

const RUN = ["/bin/warn", "{door}", "{user}/{device}", "{first_address}", "{address}", "{family}"];

const ALARM: DaemonEvent = {
  type: "knock.reused",
  atMs: NOW,
  door: "ssh",
  user: "alice",
  device: "laptop",
  address: "198.51.100.7",
  firstAddress: "203.0.113.9",
  firstMs: NOW - 1_000,
};

function set() {
  const clock = new HandClock();
  const commands: Command[] = [];
  const lines: string[] = [];
  const queue = { add: (command: Command) => commands.push(command) > 0 };
  const ends: CommandEnd[] = [];
  const log = (_: string, line: string) => void lines.push(line);
  const alarm = new AlarmCommand(queue, clock, log, (end) => ends.push(end));
  return { clock, commands, lines, ends, alarm };
}

describe("AlarmCommand", () => {
  test("fills in both addresses, and asks for no privilege", () => {
    const { alarm, commands } = set();
    alarm.hear(ALARM, { run: RUN });
    alarm.hear({ ...ALARM, part: { heard: 6, ports: 8 } }, { run: RUN });
    const argv = ["/bin/warn", "ssh", "alice/laptop", "203.0.113.9", "198.51.100.7", "{family}"];
    expect(commands.map((command) => [command.argv, command.privileged])).toEqual([
      [argv, false],
      [argv, false],
    ]);
  });

  test("tells of its end, as a command of the alarm", () => {
    const { alarm, commands, ends } = set();
    alarm.hear(ALARM, { run: RUN });
    commands[0]!.ended?.("exited with 0");
    expect(commands[0]!.what).toBe("an alarm about ssh and 198.51.100.7");
    expect(ends).toEqual([
      {
        door: "ssh",
        address: "198.51.100.7",
        command: "alarm",
        privileged: false,
        program: "/bin/warn",
        outcome: "exited with 0",
      },
    ]);
  });

  test("runs for alarms only, and only where a command is set", () => {
    const { alarm, commands } = set();
    const { door, user, device, address } = { ...ALARM };
    alarm.hear({ type: "knock.repeated", atMs: NOW, door, user, device, address }, { run: RUN });
    alarm.hear(ALARM, undefined);
    expect(commands).toEqual([]);
  });

  test("runs six times at once and six times a minute, and says once that it rests", () => {
    const { alarm, commands, lines, clock } = set();
    for (let i = 0; i < 100; i++) alarm.hear(ALARM, { run: RUN });
    expect([commands.length, lines.length]).toEqual([6, 1]);
    clock.nowMs += 10_000;
    for (let i = 0; i < 100; i++) alarm.hear(ALARM, { run: RUN });
    expect([commands.length, lines.length]).toEqual([7, 2]);
  });
});
