/**
 * The routes that explain one address, and list those to explain. On the unix socket only, since every single knock moves it.
 */

import type { Hono } from "hono";
import { describeRoute } from "hono-openapi";
import type { Control } from "./control.ts";
import { failure, json } from "./openapi.ts";
import { methodNotAllowed, problem } from "./problem.ts";
import { ExplanationSchema, HeardSchema, parsePeer } from "./schemas.ts";

/** Longest text of an IPv6 address (INET6_ADDRSTRLEN less its NUL, netinet/in.h). */
const LONGEST = 45;

export function addWhyRoutes(app: Hono, control: Control): void {
  app.get(
    "/v1/why/:address",
    describeRoute({
      summary: "What was heard from an address, and why it opened a door or did not",
      responses: {
        200: json("Never without a finding", ExplanationSchema),
        400: failure("It is not an address that packets come from"),
        409: failure("It cannot be told now"),
      },
    }),
    async (c) => {
      const text = c.req.param("address");
      const address = text.length <= LONGEST ? parsePeer(text) : undefined;
      if (address !== undefined) return c.json(await control.why(address));
      return problem(
        c,
        400,
        "It is not an IPv4 or IPv6 address that packets come from: ask for one such as /v1/why/203.0.113.9",
      );
    },
  );
  app.get(
    "/v1/why",
    describeRoute({
      summary: "The addresses that knocked in the last ten minutes",
      responses: {
        200: json("The latest 20, latest first; none that knocked only once", HeardSchema),
        409: failure("It cannot be told now"),
      },
    }),
    async (c) => c.json({ heard: await control.heard() }),
  );
  app.all("/v1/why", methodNotAllowed("GET", "HEAD"));
  app.all("/v1/why/:address", methodNotAllowed("GET", "HEAD"));
}
