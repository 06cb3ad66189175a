/** The sentences of the audit log's own records, those of earlier versions among them. */

import { expect, test } from "bun:test";
import type { CommandEnd } from "../../../src/core/command-end.ts";
import { describeOwnRecord } from "../../../src/store/audit-record.ts";

const BARE = { privileged: false };
const PRIVILEGED = { privileged: true };

test.each([
  // As before there was a field for it.
  [{}, "exited with 4", "web and 10.77.0.2: exited with 4"],
  [{ command: "open", ...BARE }, "exited with 0", "web and 10.77.0.2 (open): exited with 0"],
  [
    { command: "close", ...PRIVILEGED },
    "exited with 4",
    "web and 10.77.0.2 (close): exited with 4",
  ],
  [
    { command: "close", ...BARE },
    "exited with 4",
    "web and 10.77.0.2 (close): exited with 4: it ran without privileges (door.web.run.privileged)",
  ],
  [
    { command: "open", ...BARE },
    "could not be started: EACCES: permission denied, posix_spawn '/sbin/iptables'",
    "web and 10.77.0.2 (open): could not be started: EACCES: permission denied, posix_spawn '/sbin/iptables': it ran without privileges (door.web.run.privileged)",
  ],
  [
    { command: "open", ...BARE },
    "was ended by SIGKILL; a command has 30 s",
    "web and 10.77.0.2 (open): was ended by SIGKILL; a command has 30 s",
  ],
  [
    { command: "alarm", ...BARE },
    "exited with 1",
    "an alarm about web and 10.77.0.2: exited with 1: it ran without privileges",
  ],
] as const)("the end of the command %p, which %s", (more: Partial<CommandEnd>, outcome, said) => {
  const end = { door: "web", address: "10.77.0.2", program: "/sbin/iptables", ...more, outcome };
  const record = { type: "command.ended", atMs: 0, ...end } as const;
  expect(describeOwnRecord(record)).toBe(`Ran /sbin/iptables for ${said}`);
});
