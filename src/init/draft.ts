/** The configuration that `sallyport init` writes. */

import { parseSettings } from "../config/load.ts";
import type { Settings } from "../config/settings.ts";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { formatPortRange } from "../core/port.ts";
import type { Answers } from "./answers.ts";

/** The name of the one door: the service that it hides, where that is ssh. */
export function doorName({ guard }: Pick<Answers, "guard">): string {
  return guard.some(({ from, to }) => from <= 22 && 22 <= to) ? "ssh" : "home";
}

const list = (words: readonly string[]) =>
  `[${words.map((word) => JSON.stringify(word)).join(", ")}]`;

/** Beside the configuration, where editors look for its keys. */
export const SCHEMA_FILE = "config.schema.json";

export function draftConfig(answers: Answers): string {
  return `#:schema ./${SCHEMA_FILE}
# Written by "sallyport init". "sallyport check" reports every mistake in this file, "man sallyport.toml" explains each key.
# It holds no secrets: "sallyport user add NAME" makes keys. After a change: "sallyport reload --arm 5m", which takes it
# back unless you confirm.

[server]
# The name or address by which clients reach this server; links name it.
host = ${JSON.stringify(answers.host)}

# One knock opens these ports to the address that knocked. Connections live on when the door closes.
[door.${doorName(answers)}]
opens = ${list(answers.guard.map(formatPortRange))}
users = ${list(answers.users)}
# How long new connections are let in.
#open_for = "30s"
# Stay open while there is traffic, until it pauses for this long.
#idle_close = "10m"
# Rescue: when the daemon has been dead for this long, the kernel stops guarding.
#open_after = "24h"

[guard]
# Networks that need no knock.
#always_allow = ["192.168.0.0/16"]
`;
}

/** The settings of a draft. Throws a usage error, which names no line of a text that nobody has seen. */
export function readDraft(draft: string): Settings {
  try {
    return parseSettings(draft);
  } catch (error) {
    if (!(error instanceof SallyportError)) throw error;
    const [, ...mistakes] = error.message.split("\n");
    const told = mistakes.map((line) => line.replace(/^\S+:\d+: (door\.\w+\.|server\.)/, ""));
    throw new SallyportError(`Cannot set up: ${told.join("; ")}`, ExitCode.usage);
  }
}
