/** The typed client of the control socket, for the command line. */

import * as v from "valibot";
import type {
  DoorView,
  Explanation,
  HeardAddress,
  KeysCheck,
  KeysRequest,
  KeysSeen,
  KeysTold,
  ReloadRequest,
  ReloadTold,
  SessionsCut,
  SessionsOf,
} from "./control.ts";
import { codeOf } from "../core/system-error.ts";
import type { Status } from "./schemas.ts";
import {
  DoneSchema,
  DoorsSchema,
  ExplanationSchema,
  GrantSchema,
  GrantsSchema,
  HeardSchema,
  KeysSeenSchema,
  KeysToldSchema,
  ProblemSchema,
  ReloadToldSchema,
  SessionsCutSchema,
  StatusSchema,
} from "./schemas.ts";
import type { Address } from "../core/address.ts";
import { formatAddress, formatPrefix } from "../core/address.ts";
import type { Caller } from "../core/caller.ts";
import { formatDuration } from "../core/duration.ts";
import type { ExitCode as ExitCodeType } from "../core/errors.ts";
import { ExitCode, NeedsYes, OpError, SallyportError } from "../core/errors.ts";
import type { Grant } from "../core/grant.ts";
import { printableQuote } from "../core/printable.ts";

/** How long the daemon may take to answer. */
export interface Patience {
  readonly readMs: number;
  readonly changeMs: number;
}

/**
 * Long enough for a daemon that reads 60,000 grants from the kernel; and for a reload where four busy programs share
 * two processors, which takes ten seconds: the thread that hears knocks comes first.
 */
const PATIENCE: Patience = { readMs: 10_000, changeMs: 60_000 };

/** The daemon, seen from another process. Every call throws SallyportError when it fails. */
export interface ControlClient {
  status(): Promise<Status>;
  doors(): Promise<readonly DoorView[]>;
  /** In the order of their ends. */
  grants(): Promise<readonly Grant[]>;
  /** `forMs` undefined: the `open_for` of the door. */
  open(door: string, address: Address, forMs?: number): Promise<Grant>;
  why(address: Address): Promise<Explanation>;
  /** The addresses that knocked lately, the latest first. */
  heard(): Promise<readonly HeardAddress[]>;
  /** Undefined when no grant has this id. */
  close(id: string): Promise<Grant | undefined>;
  /** Undefined where an earlier version runs, which cuts no sessions whose grants are over. */
  cutSessions(of: SessionsOf): Promise<SessionsCut | undefined>;
  /**
   * A wrong configuration throws with exit code 78. Throws NeedsYes where the reload would cut
   * somebody off.
   */
  reload(request: ReloadRequest): Promise<ReloadTold>;
  /** Throws NeedsYes where it would cut off others than those who were removed. */
  reloadKeys(request: KeysRequest): Promise<KeysTold>;
  /** As `Control.checkKeys`; undefined where an earlier version runs, which cannot tell. */
  checkKeys(request: KeysCheck): Promise<KeysSeen | undefined>;
  /** These two return one sentence that says what was done. */
  arm(forMs: number): Promise<string>;
  confirm(force: boolean): Promise<string>;
}

const callerBody = (from: Caller) => ({ ...from, address: formatAddress(from.address) });

const NOBODY = "nobody listens there";

/** Whether a call failed because no process listens on the socket. */
export function nobodyListens(error: SallyportError): error is OpError {
  return error instanceof OpError && error.detail === NOBODY;
}

function unreachable(
  socket: string,
  detail: string,
  remedy: string,
  exitCode: ExitCodeType = ExitCode.failure,
): OpError {
  const operation = "reach sallyport at";
  return new OpError({ operation, object: socket, detail, code: 0, remedy, exitCode });
}

function translated(socket: string, thrown: unknown): SallyportError {
  const code = codeOf(thrown);
  if (code === "EACCES" || code === "EPERM") {
    return unreachable(
      socket,
      "only its owner may use it",
      "run this command as the user that runs sallyport, mostly root",
      ExitCode.privilege,
    );
  }
  const remedy = "start it with sallyport serve, or name its socket with --socket";
  if (code === "ENOENT" || code === "ECONNREFUSED") {
    return unreachable(socket, NOBODY, remedy);
  }
  return unreachable(socket, `the connection broke (${code ?? "unknown reason"})`, remedy);
}

/**
 * Sixty thousand grants are 15 MB. The listener on the socket may be another program, and its
 * answer endless.
 */
const MOST_BYTES = 64 << 20;

/** The body as JSON; undefined where it is not JSON. Throws an OpError where it has no end. */
async function readBody(socket: string, response: Response): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > MOST_BYTES) {
      throw unreachable(
        socket,
        "its answer does not end",
        "see which program listens there: it is not a sallyport of this version",
      );
    }
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    return undefined;
  }
}

function tooLate(socket: string, method: string, afterMs: number): OpError {
  return unreachable(
    socket,
    `it did not answer within ${formatDuration(afterMs)}`,
    method === "GET"
      ? "is the machine busy? Else look at its log and start it again"
      : "it may still do what it was asked: look at its log, and at sallyport status",
  );
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

async function askWithin(
  { readMs, changeMs }: Patience,
  socket: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<Answer> {
  const afterMs = method === "GET" ? readMs : changeMs;
  try {
    const response = await fetch(`http://localhost${path}`, {
      unix: socket,
      method,
      signal: AbortSignal.timeout(afterMs),
      redirect: "error",
      ...(body !== undefined && {
        body: JSON.stringify(body),
        headers: { "Content-Type": "application/json" },
      }),
    });
    const read = await readBody(socket, response);
    return { status: read === undefined ? 0 : response.status, body: read };
  } catch (error) {
    if (error instanceof SallyportError) throw error;
    if (error instanceof Error && error.name === "TimeoutError") {
      throw tooLate(socket, method, afterMs);
    }
    throw translated(socket, error);
  }
}

/** Connects and opens nothing before the first call. */
export function connectControl(socket: string, patience = PATIENCE): ControlClient {
  const ask = (...request: [socket: string, method: string, path: string, body?: unknown]) =>
    askWithin(patience, ...request);
  function understood<T>(schema: v.GenericSchema<unknown, T>, { status, body }: Answer): T {
    const answer = v.safeParse(schema, body);
    if (status === 200 && answer.success) return answer.output;
    const problem = v.safeParse(ProblemSchema, body);
    if (problem.success) {
      // Whoever took the socket of a daemon without root speaks to root's terminal here.
      const detail = printableQuote(problem.output.detail);
      if (problem.output.needs !== undefined) throw new NeedsYes(detail);
      const exitCode = status === 422 ? ExitCode.config : ExitCode.failure;
      throw new SallyportError(detail, exitCode);
    }
    throw unreachable(
      socket,
      "it gave an answer that this version does not understand",
      "use the version of sallyport that runs there, or start it again with this one",
    );
  }
  const grantPath = (id: string) => `/v1/grants/${encodeURIComponent(id)}`;
  return {
    status: async () => understood(StatusSchema, await ask(socket, "GET", "/v1/status")),
    doors: async () => understood(DoorsSchema, await ask(socket, "GET", "/v1/doors")).doors,
    grants: async () => understood(GrantsSchema, await ask(socket, "GET", "/v1/grants")).grants,
    open: async (door, address, forMs) => {
      const body = {
        address: formatAddress(address),
        ...(forMs !== undefined && { for: formatDuration(forMs) }),
      };
      const path = `/v1/doors/${encodeURIComponent(door)}/grants`;
      return understood(GrantSchema, await ask(socket, "POST", path, body));
    },
    why: async (address) =>
      understood(ExplanationSchema, await ask(socket, "GET", `/v1/why/${formatAddress(address)}`)),
    heard: async () => understood(HeardSchema, await ask(socket, "GET", "/v1/why")).heard,
    close: async (id) => {
      const answer = await ask(socket, "DELETE", grantPath(id));
      return answer.status === 404 ? undefined : understood(GrantSchema, answer);
    },
    cutSessions: async (of) => {
      const body =
        "network" in of
          ? { ...of, network: undefined, address: formatPrefix(of.network) }
          : { ...of, ...(of.from && { from: callerBody(of.from) }) };
      const answer = await ask(socket, "POST", "/v1/sessions/cut", body);
      return answer.status === 404 ? undefined : understood(SessionsCutSchema, answer);
    },
    reload: async ({ yes, armMs, from }) => {
      const body = {
        ...(yes !== undefined && { yes }),
        ...(armMs !== undefined && { for: formatDuration(armMs) }),
        ...(from !== undefined && { from: callerBody(from) }),
      };
      return understood(ReloadToldSchema, await ask(socket, "POST", "/v1/reload", body));
    },
    reloadKeys: async (request) =>
      understood(KeysToldSchema, await ask(socket, "POST", "/v1/keys/reload", { ...request })),
    checkKeys: async ({ removed, from }) => {
      const body = {
        ...(removed !== undefined && { removed }),
        ...(from !== undefined && { from: callerBody(from) }),
      };
      const answer = await ask(socket, "POST", "/v1/keys/check", body);
      return answer.status === 404 ? undefined : understood(KeysSeenSchema, answer);
    },
    arm: async (forMs) => {
      const body = { for: formatDuration(forMs) };
      return understood(DoneSchema, await ask(socket, "POST", "/v1/guard/probation", body)).done;
    },
    confirm: async (force) => {
      const body = { force };
      return understood(DoneSchema, await ask(socket, "POST", "/v1/guard/confirmation", body)).done;
    },
  };
}
