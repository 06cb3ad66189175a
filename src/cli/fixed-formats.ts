/** Fixed sequences in the forms that other people's knock clients import. They are no secrets, but no advertisement either. */

import { quote } from "../config/mistake.ts";
import type { Door } from "../config/settings.ts";
import { ExitCode, SallyportError } from "../core/errors.ts";
import type { FixedSequence } from "../core/fixed-sequence.ts";
import type { Port } from "../core/port.ts";

export const FIXED_FORMATS = ["knock", "knockonports", "termix"] as const;
export type FixedFormat = (typeof FIXED_FORMATS)[number];

/** The receiver of the text. */
export interface FixedTarget {
  readonly host: string;
  /** The login name on the server, where a format wants one. */
  readonly user: string;
}

/** The longest pause between two knocks: these clients knock slowly, so that networks keep the order. */
const LONGEST_PAUSE_MS = 200;

/** Half of the time that the door allows, spread over the sequence. */
function pauseMs({ knocks, timeoutMs }: FixedSequence): number {
  return Math.min(LONGEST_PAUSE_MS, Math.floor(timeoutMs / 2 / knocks.length));
}

/** The TCP port behind the door, which a client can look at; undefined where there is none. */
function portBehind({ opens }: Door): number | undefined {
  return opens.find(({ proto }) => proto === "tcp")?.from;
}

/** For Debian's `knock`: the command. */
function asCommand(sequence: FixedSequence, host: string): string {
  const knocks = sequence.knocks.map(({ proto, port }) => `${port}:${proto}`);
  return `knock -d ${pauseMs(sequence)} ${host} ${knocks.join(" ")}`;
}

/** For Knocks on Ports 2: an entry of its JSON import; it looks at the port after it has knocked. */
function asKnocksOnPorts(name: string, sequence: FixedSequence, host: string, port?: number) {
  return {
    name,
    host,
    delay: pauseMs(sequence),
    group: "sallyport",
    uri: port === 22 ? `ssh://${host}` : "",
    checkAccess: port !== undefined,
    ...(port !== undefined && {
      check_type: "PORT",
      check_port: port,
      check_host: "",
      check_timeout: 3,
      check_post_knock: true,
      check_max_retries: 2,
    }),
    steps: sequence.knocks.map(({ proto, port: knock }: Port) => ({ type: proto, port: knock })),
  };
}

/** For Termix: a host of its JSON import. */
function asTermixHost(door: Door, sequence: FixedSequence, { host, user }: FixedTarget) {
  const delay = pauseMs(sequence);
  return {
    name: `${host} (${door.name})`,
    ip: host,
    port: portBehind(door) ?? 22,
    username: user,
    authType: "none",
    portKnockSequence: sequence.knocks.map(({ proto, port }) => ({ port, protocol: proto, delay })),
  };
}

interface Named {
  readonly door: Door;
  readonly fixed: FixedSequence;
}

/** The doors that a fixed sequence opens, or the one named so. Throws (exit 64) where there is none. */
export function fixedDoors(doors: readonly Door[], wanted: string | undefined): Named[] {
  const fixed = doors.flatMap((door) =>
    door.fixed === undefined ? [] : [{ door, fixed: door.fixed }],
  );
  const found = fixed.filter(({ door }) => wanted === undefined || door.name === wanted);
  if (found.length > 0) return found;
  const names = fixed.map(({ door }) => door.name).join(", ");
  const [what, way] =
    wanted !== undefined && fixed.length > 0
      ? [`door ${quote(wanted)} has none`, `write one of ${names}`]
      : ["no door has one", "for rotating doors print the link, without --format"];
  throw new SallyportError(
    `Cannot print a fixed sequence: ${what}: other clients cannot know a rotating one: ${way}`,
    ExitCode.usage,
  );
}

/** The text for a client of this kind; ends with a line break. */
export function formatFixed(
  format: FixedFormat,
  doors: readonly Named[],
  target: FixedTarget,
): string {
  if (format === "termix") {
    const hosts = doors.map(({ door, fixed }) => asTermixHost(door, fixed, target));
    return `${JSON.stringify({ hosts }, null, 2)}\n`;
  }
  const { host } = target;
  const sequences = doors.flatMap(({ door, fixed }) => [
    { name: door.name, sequence: fixed, port: portBehind(door) },
    ...(door.closing === undefined
      ? []
      : [{ name: `${door.name}, close`, sequence: door.closing, port: undefined }]),
  ]);
  if (format === "knock") {
    return sequences
      .map(({ name, sequence }) => `# ${name}\n${asCommand(sequence, host)}\n`)
      .join("");
  }
  const entries = sequences.map(({ name, sequence, port }) =>
    asKnocksOnPorts(name, sequence, host, port),
  );
  return `${JSON.stringify({ version: 1, sequences: entries }, null, 2)}\n`;
}
