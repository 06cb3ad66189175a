/**
 * The schema of config.toml, one for each table, so that a mistake in one does not hide those in
 * another. That of doors is in door-keys.ts.
 */

import * as v from "valibot";
import { DEFAULT_STATE_DIR } from "../core/state-files.ts";
import { isServerName } from "../rks/key.ts";
import { readHost } from "../rks/profile-link.ts";
import { DEFAULT_SPACE, SPACE_LIMITS } from "../rks/space.ts";
import {
  absolutePath,
  allowedNetwork,
  choice,
  endpoint,
  integer,
  knockRange,
  list,
  seconds,
  text,
} from "./fields.ts";

/** Our own choices; the limits of RKS1 are in rks/space.ts. */
export const LIMITS = {
  /** Single ports that a door may open: a grant is one set element for each port. */
  portsPerDoor: 256,
  knocks: 32,
  listItems: 1_024,
  /** The elements of the kernel's set for fixed doors, and so the most grants of all of them. */
  fixedElements: 65_535,
} as const;

/** Longest path of a unix socket: sizeof(sockaddr_un.sun_path) less its NUL (linux/un.h). */
const SUN_PATH = 107;
/** PATH_MAX less its NUL (linux/limits.h), and room for a file name. */
const DIRECTORY = 3_840;

const interfaceName = text(
  // IFNAMSIZ less its NUL (linux/if.h); dev_valid_name() forbids "/", ":" and blanks.
  /^[^/:\s]{1,15}$/,
  'write an interface such as "eth0", or "any"',
  (name) => (name === "." || name === ".." ? undefined : name),
);

const argument = text(
  /^[^\0]*$/,
  "write text in quotes, without a NUL character",
  (written) => written,
);
const command = v.pipe(
  list(argument, 64, 'write a list such as ["/usr/local/bin/lights", "on", "{address}"]'),
  v.minLength(1, 'write the program and its arguments, such as ["/usr/local/bin/lights", "on"]'),
);

export const serverSchema = v.strictObject({
  name: v.optional(
    text(
      /^[a-z0-9.-]{1,253}$/,
      'write a name of a–z, 0–9, "." and "-" such as "gate-7f3a"',
      (name) => (isServerName(name) ? name : undefined),
    ),
  ),
  host: v.optional(
    text(
      /^[^\s/?#@]{1,255}$/,
      'write the name or address that clients reach, such as "gate.example", "203.0.113.7" or, with an interface of theirs, "fe80::1%eth0"',
      readHost,
    ),
  ),
  interfaces: v.optional(
    v.pipe(
      list(interfaceName, 64, 'write a list such as ["any"] or ["eth0", "wg0"]'),
      v.minLength(1, 'write one interface or more, or ["any"]'),
    ),
    ["any"],
  ),
  state_dir: v.optional(absolutePath(DIRECTORY, DEFAULT_STATE_DIR), DEFAULT_STATE_DIR),
});

export const knockSchema = v.strictObject({
  range: v.optional(knockRange, `${DEFAULT_SPACE.lo}-${DEFAULT_SPACE.hi}`),
  ports: v.optional(integer(SPACE_LIMITS.ports), DEFAULT_SPACE.ports),
  step: v.optional(seconds(SPACE_LIMITS.stepSeconds, "30s"), `${DEFAULT_SPACE.stepSeconds}s`),
  window: v.optional(seconds(SPACE_LIMITS.windowSeconds, "10s"), `${DEFAULT_SPACE.windowSeconds}s`),
  skew: v.optional(integer(SPACE_LIMITS.skew), DEFAULT_SPACE.skew),
  slack: v.optional(integer(SPACE_LIMITS.slack), DEFAULT_SPACE.slack),
});

export const runSchema = v.strictObject({
  open: v.optional(command),
  close: v.optional(command),
  privileged: v.optional(v.boolean("write true or false"), false),
});

export const guardSchema = v.strictObject({
  on_stop: v.optional(choice(["closed", "open"]), "closed"),
  deny: v.optional(choice(["auto", "drop", "reset"]), "auto"),
  always_allow: v.optional(
    list(allowedNetwork, LIMITS.listItems, 'write a list such as ["10.0.0.0/8", "fd00::/8"]'),
    [],
  ),
});

export const apiSchema = v.strictObject({
  listen: v.optional(endpoint, "127.0.0.1:7878"),
  socket: v.optional(
    absolutePath(SUN_PATH, "/run/sallyport/control.sock"),
    "/run/sallyport/control.sock",
  ),
});

export const alarmSchema = v.strictObject({ run: v.optional(command) });

export type ServerTable = v.InferOutput<typeof serverSchema>;
export type KnockTable = v.InferOutput<typeof knockSchema>;
export type GuardTable = v.InferOutput<typeof guardSchema>;
export type ApiTable = v.InferOutput<typeof apiSchema>;
export type AlarmTable = v.InferOutput<typeof alarmSchema>;
