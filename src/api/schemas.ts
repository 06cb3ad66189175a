/**
 * The shape of every answer and request: the server's types, the client's check and the OpenAPI
 * document.
 */

import * as v from "valibot";
import type {
  DoorView,
  Explanation,
  HeardAddress,
  KeysSeen,
  KeysTold,
  ReasonCode,
  ReloadTold,
  SessionsCut,
  SessionsOf,
} from "./control.ts";
import { REASONS, WHY_KINDS } from "./control.ts";
import type { Address, Prefix } from "../core/address.ts";
import { parseAddress, parsePrefix } from "../core/address.ts";
import { parseDuration } from "../core/duration.ts";
import type { Grant } from "../core/grant.ts";

/** Shortest and longest life of a grant opened by hand. */
export const MIN_OPEN_MS = 1_000;
export const MAX_OPEN_MS = 30 * 86_400_000;

const count = v.pipe(v.number(), v.minValue(0));
const unixMs = v.pipe(v.number(), v.description("Unix milliseconds"));

export const HealthSchema = v.pipe(
  v.object({
    status: v.literal("ok"),
    version: v.string(),
    uptimeSeconds: count,
  }),
  v.metadata({ ref: "Health" }),
);
export type Health = v.InferOutput<typeof HealthSchema>;

export const ReadinessSchema = v.pipe(
  v.object({
    ready: v.boolean(),
    reasons: v.array(
      v.object({
        code: v.picklist(Object.keys(REASONS) as ReasonCode[]),
        message: v.string(),
        place: v.exactOptional(
          v.pipe(v.string(), v.description("The file to mend, and its line: config.toml:12")),
        ),
        detail: v.exactOptional(
          v.pipe(v.string(), v.description("What exactly is wrong; on the unix socket only")),
        ),
      }),
    ),
  }),
  v.metadata({ ref: "Readiness" }),
);
export type Readiness = v.InferOutput<typeof ReadinessSchema>;

export const StatusSchema = v.pipe(
  v.object({
    ...HealthSchema.entries,
    ...ReadinessSchema.entries,
    config: v.exactOptional(
      v.pipe(v.string(), v.description("The absolute path of the file that a reload reads")),
    ),
    notices: v.pipe(
      v.array(v.string()),
      v.description("Facts to know although knocks open doors, each one sentence"),
    ),
    probation: v.exactOptional(
      v.pipe(
        v.object({
          untilMs: unixMs,
          otherwise: v.pipe(
            v.picklist(["open", "back"]),
            v.description(
              "Unless somebody confirms: the ports open, or the configuration before the last reload returns",
            ),
          ),
        }),
        v.description("Absent where the guard is permanent"),
      ),
    ),
    counters: v.pipe(
      v.record(v.string(), v.number()),
      v.description("By name, as in core/counters.ts; all but the latency's"),
    ),
    latency: v.pipe(
      v.object({
        count,
        medianSeconds: v.exactOptional(count),
        p99Seconds: v.exactOptional(count),
      }),
      v.description(
        "From the capture of the last knock to the kernel's acknowledgement; a quantile is the upper bound of its bucket, and absent before the first opening or above the last bound",
      ),
    ),
  }),
  v.metadata({ ref: "Status" }),
);
export type Status = v.InferOutput<typeof StatusSchema>;

const DoorSchema = v.pipe(
  v.object({
    name: v.string(),
    opens: v.pipe(v.array(v.string()), v.examples([["22/tcp"]])),
    knock: v.picklist(["rotating", "fixed"]),
    users: v.array(v.string()),
    openFor: v.pipe(v.string(), v.examples(["30s"])),
    grants: count,
  }),
  v.metadata({ ref: "Door" }),
) satisfies v.GenericSchema<unknown, DoorView>;

export const DoorsSchema = v.object({ doors: v.array(DoorSchema) });

export const GrantSchema = v.pipe(
  v.object({
    id: v.pipe(
      v.string(),
      v.description("Names this door, address and holder; the same after a restart"),
    ),
    door: v.string(),
    address: v.pipe(v.string(), v.examples(["203.0.113.9", "2001:db8::/64"])),
    ports: v.array(
      v.object({ proto: v.picklist(["tcp", "udp"]), from: v.number(), to: v.number() }),
    ),
    kind: v.pipe(
      v.picklist(["plain", "fixed", "once", "idle"]),
      v.description(
        "How it ends besides its time: once with a connection, idle later with traffic",
      ),
    ),
    idleMs: v.exactOptional(v.number()),
    via: v.picklist(["rotating", "fixed", "hand"]),
    user: v.exactOptional(v.string()),
    device: v.exactOptional(v.string()),
    openedMs: unixMs,
    expiresMs: unixMs,
  }),
  v.metadata({ ref: "Grant" }),
) satisfies v.GenericSchema<unknown, Grant>;

export const GrantsSchema = v.object({ grants: v.array(GrantSchema) });

export const ExplanationSchema = v.pipe(
  v.object({
    address: v.string(),
    findings: v.array(
      v.object({
        kind: v.picklist(WHY_KINDS),
        sentence: v.string(),
        atMs: v.exactOptional(unixMs),
      }),
    ),
  }),
  v.metadata({ ref: "Explanation" }),
) satisfies v.GenericSchema<unknown, Explanation>;

export const HeardSchema = v.pipe(
  v.object({ heard: v.array(v.object({ address: v.string(), knocks: count, lastMs: unixMs })) }),
  v.metadata({ ref: "Heard" }),
) satisfies v.GenericSchema<unknown, { readonly heard: readonly HeardAddress[] }>;

/**
 * An address that packets can come from; undefined for any other text. IPv4 inside IPv6
 * (::ffff:203.0.113.9) is refused: on the wire it is IPv4, and its grant would never match.
 */
export function parsePeer(text: string): Address | undefined {
  const address = parseAddress(text);
  if (address === undefined) return undefined;
  const { family, a0, a1, a2, a3 } = address;
  if (family === 4) return a0 === 0 || a0 >= 0xe000_0000 ? undefined : address;
  const upper = a0 === 0 && a1 === 0;
  if ((upper && a2 === 0 && a3 === 0) || (upper && a2 === 0xffff)) return undefined;
  return a0 >= 0xff00_0000 ? undefined : address;
}

// Every check below carries its own message: the default messages quote what was sent.
const ADDRESS =
  'address is not an IPv4 or IPv6 address that packets come from: write one such as "203.0.113.9"';
const FOR = 'for is not a duration from 1s to 30d: write one such as "30s"';

const AddressText = v.pipe(
  v.string(ADDRESS),
  v.maxLength(45, ADDRESS),
  v.examples(["203.0.113.9", "2001:db8::9"]),
  v.rawTransform(({ dataset, addIssue, NEVER }): Address => {
    const address = parsePeer(dataset.value);
    if (address !== undefined) return address;
    addIssue({ message: ADDRESS });
    return NEVER;
  }),
);

const DurationText = v.pipe(
  v.string(FOR),
  v.regex(/^[0-9]{1,9}(ms|s|m|h|d)$/, FOR),
  v.description("How long the door stays open; the door's own open_for where absent"),
  v.examples(["30s"]),
  v.rawTransform(({ dataset, addIssue, NEVER }): number => {
    const ms = parseDuration(dataset.value);
    if (ms !== undefined && ms >= MIN_OPEN_MS && ms <= MAX_OPEN_MS) return ms;
    addIssue({ message: FOR });
    return NEVER;
  }),
);

export const OpenRequestSchema = v.pipe(
  v.strictObject(
    { address: AddressText, for: v.exactOptional(DurationText) },
    'The body is not an object with "address" and, if wanted, "for"',
  ),
  v.metadata({ ref: "OpenRequest" }),
);

/** Shortest and longest probation of the guard. */
export const MIN_ARM_MS = 5_000;
export const MAX_ARM_MS = 86_400_000;
const ARM_FOR = 'for is not a duration from 5s to 24h: write one such as "2m"';

const ArmDuration = v.pipe(
  v.string(ARM_FOR),
  v.examples(["2m"]),
  v.rawTransform(({ dataset, addIssue, NEVER }): number => {
    const ms = parseDuration(dataset.value);
    if (ms !== undefined && ms >= MIN_ARM_MS && ms <= MAX_ARM_MS) return ms;
    addIssue({ message: ARM_FOR });
    return NEVER;
  }),
);

const NameText = v.string("a name is not a text");

export const ArmRequestSchema = v.pipe(
  v.strictObject({ for: ArmDuration }, 'The body is not an object with "for"'),
  v.metadata({ ref: "ArmRequest" }),
);

export const ConfirmRequestSchema = v.pipe(
  v.strictObject(
    {
      force: v.exactOptional(
        v.pipe(v.boolean("force is not true or false"), v.description("Without any proof")),
      ),
    },
    'The body is not an object with, if wanted, "force"',
  ),
  v.metadata({ ref: "ConfirmRequest" }),
);

export const DoneSchema = v.pipe(
  v.object({ done: v.pipe(v.string(), v.description("What was done, in one sentence")) }),
  v.metadata({ ref: "Done" }),
);

const FROM_PORT = "from.port is not a port";

/** Where the person is connected from. */
const CallerBody = v.pipe(
  v.strictObject(
    {
      address: AddressText,
      port: v.exactOptional(
        v.pipe(
          v.number(FROM_PORT),
          v.integer(FROM_PORT),
          v.minValue(1, FROM_PORT),
          v.maxValue(65_535, FROM_PORT),
        ),
      ),
    },
    'from is not an object with "address" and, if known, "port"',
  ),
  v.description("Where the caller is connected from, and to which TCP port of this machine"),
);

export const ReloadRequestSchema = v.pipe(
  v.strictObject(
    {
      yes: v.exactOptional(
        v.pipe(
          v.boolean("yes is not true or false"),
          v.description("Even where it cuts somebody off"),
        ),
      ),
      for: v.exactOptional(
        v.pipe(
          ArmDuration,
          v.description(
            "On probation for so long: the present configuration returns unless somebody confirms",
          ),
        ),
      ),
      from: v.exactOptional(CallerBody),
    },
    'The body is not an object with, if wanted, "yes", "for" and "from"',
  ),
  v.metadata({ ref: "ReloadRequest" }),
);

export const ReloadToldSchema = v.pipe(
  v.object({
    done: v.pipe(v.string(), v.description("What was done, in one sentence")),
    changes: v.pipe(
      v.array(v.string()),
      v.description("The people cut off and the ports reached differently now, one sentence each"),
    ),
    warnings: v.pipe(
      v.array(v.string()),
      v.description("Settings that are allowed but may not be meant, one sentence each"),
    ),
  }),
  v.metadata({ ref: "ReloadTold" }),
) satisfies v.GenericSchema<unknown, ReloadTold>;

const RemovedBody = v.strictObject(
  { user: NameText, device: v.exactOptional(NameText) },
  'removed is not an object with "user" and, if wanted, "device"',
);

export const KeysRequestSchema = v.pipe(
  v.strictObject(
    {
      keepSessions: v.exactOptional(
        v.pipe(
          v.boolean("keepSessions is not true or false"),
          v.description("Leave grants and sessions of devices whose key is gone as they are"),
        ),
      ),
      removed: v.exactOptional(
        v.pipe(
          RemovedBody,
          v.description(
            "The device whose key was removed, or all of a user; what they opened ends also where the keys were read since",
          ),
        ),
      ),
      yes: v.exactOptional(
        v.pipe(
          v.boolean("yes is not true or false"),
          v.description("Even where it cuts somebody off"),
        ),
      ),
    },
    'The body is not an object with, if wanted, "keepSessions", "removed" and "yes"',
  ),
  v.metadata({ ref: "KeysRequest" }),
);

export const KeysCheckSchema = v.pipe(
  v.strictObject(
    {
      removed: v.exactOptional(
        v.pipe(
          RemovedBody,
          v.description("The device whose key is about to be removed, or all of a user"),
        ),
      ),
      from: v.exactOptional(CallerBody),
    },
    'The body is not an object with, if wanted, "removed" and "from"',
  ),
  v.metadata({ ref: "KeysCheck" }),
);

export const KeysSeenSchema = v.pipe(
  v.object({
    file: v.pipe(v.string(), v.description("The keys.toml that the daemon reads")),
    folder: v.pipe(
      v.string(),
      v.description(
        "Tells its folder from another one of that name, as below a disk that is not mounted; empty where there is none",
      ),
    ),
  }),
  v.metadata({ ref: "KeysSeen" }),
) satisfies v.GenericSchema<unknown, KeysSeen>;

export const KeysToldSchema = v.pipe(
  v.object({
    done: v.pipe(v.string(), v.description("What was done, in one sentence")),
    file: v.pipe(v.string(), v.description("The keys.toml that was read")),
    lost: v.optional(
      v.pipe(
        v.array(v.object({ user: v.string(), device: v.string() })),
        v.description("Devices that had a key before, and have none or another one now"),
      ),
      [], // an earlier version says nothing of them
    ),
    ended: v.pipe(v.array(GrantSchema), v.description("Of devices whose key is gone or changed")),
    cut: v.pipe(
      v.array(v.object({ door: v.string(), address: v.string() })),
      v.description("Where sessions of such devices were ended although their grants were over"),
    ),
    wait: v.exactOptional(
      v.pipe(v.string(), v.description("Why no key opens a door now, and for how long")),
    ),
  }),
  v.metadata({ ref: "KeysTold" }),
) satisfies v.GenericSchema<unknown, KeysTold>;

const NETWORK = 'address is neither an address nor a network: write one such as "203.0.113.0/24"';

const NetworkText = v.pipe(
  v.string(NETWORK),
  v.maxLength(49, NETWORK),
  v.examples(["203.0.113.9", "2001:db8::/64"]),
  v.rawTransform(({ dataset, addIssue, NEVER }): Prefix => {
    const network = parsePrefix(dataset.value);
    if (network !== undefined) return network;
    addIssue({ message: NETWORK });
    return NEVER;
  }),
);

const CUT =
  'The body is neither an object with "address" and, if wanted, "door", nor one with "user" and, if wanted, "device" and "from"';

export const CutRequestSchema = v.pipe(
  v.union(
    [
      v.strictObject({ address: NetworkText, door: v.exactOptional(NameText) }, CUT),
      v.strictObject(
        {
          user: NameText,
          device: v.exactOptional(NameText),
          from: v.exactOptional(CallerBody),
        },
        CUT,
      ),
    ],
    CUT,
  ),
  v.metadata({ ref: "CutRequest" }),
);

/** The sessions that such a body means. */
export function sessionsOf(body: v.InferOutput<typeof CutRequestSchema>): SessionsOf {
  if ("user" in body) return body;
  const { address: network, ...door } = body;
  return { network, ...door };
}

export const SessionsCutSchema = v.pipe(
  v.object({
    cut: v.pipe(
      v.array(v.object({ door: v.string(), address: v.string(), sessions: count })),
      v.description("Where sessions were ended although their grants were over, and how many"),
    ),
    unsearched: v.pipe(
      count,
      v.description("Places opened earlier, where sessions may live on: too many to search"),
    ),
    spared: v.pipe(
      v.array(v.object({ door: v.string(), address: v.string() })),
      v.description("Places that were left because the caller is connected from there"),
    ),
  }),
  v.metadata({ ref: "SessionsCut" }),
) satisfies v.GenericSchema<unknown, SessionsCut>;

/** RFC 9457. */
export const ProblemSchema = v.pipe(
  v.object({
    type: v.literal("about:blank"),
    title: v.string(),
    status: v.number(),
    detail: v.string(),
    needs: v.exactOptional(
      v.pipe(v.literal("yes"), v.description('Ask again with "yes": true, where that is meant')),
    ),
  }),
  v.metadata({ ref: "Problem" }),
);
export type Problem = v.InferOutput<typeof ProblemSchema>;
