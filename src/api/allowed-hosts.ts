/** A fence against DNS rebinding, for a listener that only this machine can reach. */

import type { MiddlewareHandler } from "hono";
import { problem } from "./problem.ts";
import { parseAddress } from "../core/address.ts";

/** Whether a Host header is an address or "localhost"; a port may follow. */
export function namesLocally(host: string): boolean {
  const name = host.replace(/:\d{1,5}$/, "");
  if (name.toLowerCase() === "localhost") return true;
  const bracketed = /^\[(.+)\]$/.exec(name)?.[1];
  return parseAddress(bracketed ?? name)?.family === (bracketed === undefined ? 4 : 6);
}

/**
 * A web page can point a name of its own at 127.0.0.1 and have its visitor's browser read this
 * listener; the browser then sends that name. A request by address or as "localhost" does not come
 * from such a page. A request without Host (HTTP/1.0) comes from no browser either.
 */
export const localNamesOnly: MiddlewareHandler = async (c, next) => {
  const host = c.req.header("Host");
  if (host === undefined || namesLocally(host)) return next();
  return problem(
    c,
    421,
    "This listener answers only to an address or to localhost as its Host: use one of them",
  );
};
