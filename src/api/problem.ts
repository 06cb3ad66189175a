/**
 * Errors as `application/problem+json` (RFC 9457): they say what went wrong, never what was sent.
 */

import type { Context, Handler } from "hono";
import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { Problem } from "./schemas.ts";
import { ExitCode, NeedsYes, SallyportError } from "../core/errors.ts";

export const PROBLEM_TYPE = "application/problem+json";

/** Titles are the phrases of RFC 9110, as `about:blank` asks. */
const TITLES = {
  400: "Bad Request",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  421: "Misdirected Request",
  422: "Unprocessable Content",
  500: "Internal Server Error",
} as const satisfies Partial<Record<ContentfulStatusCode, string>>;

export type ProblemStatus = keyof typeof TITLES;

/** `detail` is one sentence for a person; it must not repeat any part of the request. */
export function problem(
  c: Context,
  status: ProblemStatus,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
  more: Pick<Problem, "needs"> = {},
): Response {
  const body: Problem = { type: "about:blank", title: TITLES[status], status, detail, ...more };
  return c.body(JSON.stringify(body), status, { ...headers, "Content-Type": PROBLEM_TYPE });
}

/** Answers every method that a path does not serve; register it after the methods that it does. */
export function methodNotAllowed(...methods: readonly string[]): Handler {
  const allow = methods.join(", ");
  return (c) => problem(c, 405, `This path serves ${allow} only`, { Allow: allow });
}

/**
 * Turns the error of a handler into an answer. Only the message of a SallyportError is known to be
 * meant for people. Everything else is a bug: it goes to `report` and leaves no trace in the
 * answer.
 */
export function thrownProblem(
  c: Context,
  thrown: unknown,
  report: (error: unknown) => void,
): Response {
  if (thrown instanceof NeedsYes) return problem(c, 409, thrown.message, {}, { needs: "yes" });
  if (thrown instanceof SallyportError) {
    return problem(c, thrown.exitCode === ExitCode.config ? 422 : 409, thrown.message);
  }
  // Hono's own: its JSON reader throws 400 for a body that is not JSON.
  if (thrown instanceof HTTPException && thrown.status === 400) {
    return problem(c, 400, "The body is not valid JSON");
  }
  report(thrown);
  return problem(c, 500, "The request failed inside the daemon: its log says why");
}
