/**
 * The meaning of each key of config.toml, for editors (JSON Schema) and for sallyport.toml(5).
 * docs/config.md says the same in its tables, with links; a test compares them.
 */

import type { doorSchema } from "./door-keys.ts";
import type {
  alarmSchema,
  apiSchema,
  guardSchema,
  knockSchema,
  runSchema,
  serverSchema,
} from "./schema.ts";

export interface Meaning {
  readonly text: string;
  /** The default in words, where the schema holds none. */
  readonly otherwise?: string;
}

type MeaningsOf<Schema extends { readonly entries: object }> = Readonly<
  Record<keyof Schema["entries"], Meaning>
>;

const server: MeaningsOf<typeof serverSchema> = {
  name: {
    text: "part of every key; unique among your servers; a–z, 0–9, `.` and `-`",
    otherwise: "host name and four random characters, made once and kept in `state_dir`",
  },
  host: {
    text: "name or address by which clients reach this server, for the links of `user add` and `user show`; `--host` overrides it",
    otherwise: "a guess, reported when it is made",
  },
  interfaces: { text: "interfaces on which it listens for knocks" },
  state_dir: {
    text: "`keys.toml` and the databases; nobody but root and the server's user may write to it",
  },
};

const knock: MeaningsOf<typeof knockSchema> = {
  range: {
    text: "ports that knocks go to; `check` and `doctor` name services of this machine in it, and a range without them",
  },
  ports: { text: "ports in a sequence" },
  step: { text: "how long a sequence lasts" },
  window: { text: "from the first to the last knock" },
  skew: { text: "slots accepted before and after the present one" },
  slack: { text: "other packets from the same address that do not spoil a knock" },
};

const door: MeaningsOf<typeof doorSchema> = {
  opens: { text: "guarded ports, opened to one address by a knock; at most 256" },
  users: {
    text: 'the users who may open it by a rotating knock, at most 1,024 names; their keys are in `keys.toml`. `["*"]`: everybody who has a key there',
  },
  sequence: {
    text: "knocks in order, as knockd has them: anybody who sees them once can repeat them",
  },
  open_for: { text: "how long new connections are let in; existing connections live on" },
  idle_close: {
    text: "stay open while connections carry traffic, until they pause for this long (5s–24h); needs `users`",
  },
  max_open: {
    text: "a door kept open by traffic closes this long after the knock at the latest; to that end, renewals stop one `idle_close` earlier",
    otherwise: '`"8h"`',
  },
  uses: {
    text: '`"one"`: the grant ends with its first TCP connection (of several ports each may have one in the first fifth of a second); with links made from then on, the client does not use it up (older links need `--no-wait`); needs `users`, not together with `idle_close`',
  },
  prefix6: { text: "`64`: let in the whole IPv6 network of the knock" },
  open_after: {
    text: "the way back in when the daemon stays dead: this long after its last sign of life (1m–30d) the kernel stops guarding these ports. Default: it guards them for ever",
  },
  run: {
    text: 'commands: `{ open = ["/path", "…"], close = ["/path", "…"] }`; with `privileged = true` they keep the daemon\'s privileges, for commands that change a firewall or a network',
  },
  proto: { text: '`"udp"`: knock with datagrams', otherwise: '`"tcp"`' },
  range: { text: "a knock range of its own", otherwise: "of `[knock]`" },
  ports: { text: "a number of ports of its own", otherwise: "of `[knock]`" },
  step: { text: "a step of its own", otherwise: "of `[knock]`" },
  sequence_timeout: {
    text: "from the first to the last knock of a fixed sequence",
  },
  close_sequence: {
    text: "a fixed sequence that ends what `sequence` opened to the address it comes from; what a hand opened stays",
  },
  weak: {
    text: "`true`: leave for a sequence that a plain scan completes; whoever scans the server opens such a door",
    otherwise: "`false`",
  },
  max_grants: {
    text: "most addresses a fixed door is open to at a time, since forged knocks cost nothing",
  },
};

/** The keys of a door's `run`; docs/config.md describes them in the row of `run`. */
const run: MeaningsOf<typeof runSchema> = {
  open: { text: "program and arguments to run when the door opens" },
  close: { text: "program and arguments to run when it closes" },
  privileged: { text: "whether they keep the daemon's privileges" },
};

const guard: MeaningsOf<typeof guardSchema> = {
  on_stop: {
    text: 'the state of guarded ports while sallyport is stopped: `"closed"` or `"open"`',
  },
  deny: {
    text: 'how guarded ports answer: like this host\'s other closed ports, or `"drop"`, or `"reset"`',
  },
  always_allow: { text: "networks that need no knock" },
};

const api: MeaningsOf<typeof apiSchema> = {
  listen: { text: "health and metrics, for everybody who can connect there" },
  socket: { text: "everything else; mode 0600" },
};

const alarm: MeaningsOf<typeof alarmSchema> = {
  run: {
    text: "a command when a used knock, or most of it, also comes from another address; at most six a minute",
  },
};

/** Table by table, key by key, in the order of the schema. */
export const MEANINGS = { server, knock, door, run, guard, api, alarm } as const;
