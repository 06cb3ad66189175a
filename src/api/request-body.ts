/** The checks that every request with a body must pass before its content is read. */

import type { Context, MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { problem } from "./problem.ts";

/** The largest valid request stays below 100 bytes. */
const MAX_BODY_BYTES = 4_096;

export const jsonBodyOnly: MiddlewareHandler = async (c, next) => {
  if (/^application\/json\s*(;|$)/i.test(c.req.header("Content-Type") ?? "")) return next();
  return problem(c, 415, "The body is not marked as JSON: send Content-Type: application/json");
};

export const smallBodyOnly = bodyLimit({
  maxSize: MAX_BODY_BYTES,
  onError: (c) => problem(c, 413, `The body is larger than ${MAX_BODY_BYTES} bytes`),
});

/** For `validator`: says what is wrong in the words of the schema. Its default answer repeats the body. */
export function refuseInWords(
  result: { readonly success: boolean; readonly error?: readonly { readonly message: string }[] },
  c: Context,
): Response | undefined {
  if (result.success) return undefined;
  const messages = new Set(result.error?.map(({ message }) => message));
  return problem(c, 400, [...messages].join("; "));
}
