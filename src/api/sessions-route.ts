/** The route of the unix socket that cuts sessions whose grants are over. */

import type { Hono } from "hono";
import { describeRoute, validator } from "hono-openapi";
import type { Control } from "./control.ts";
import { failure, json } from "./openapi.ts";
import { methodNotAllowed } from "./problem.ts";
import { jsonBodyOnly, refuseInWords, smallBodyOnly } from "./request-body.ts";
import { CutRequestSchema, SessionsCutSchema, sessionsOf } from "./schemas.ts";

const cutRequest = validator("json", CutRequestSchema, refuseInWords);

export function addSessionsRoute(app: Hono, control: Control): void {
  app.post(
    "/v1/sessions/cut",
    describeRoute({
      summary: "Cut sessions that outlived the grants which let them in",
      responses: {
        200: json("Cut", SessionsCutSchema),
        400: failure("The body is not as it should be"),
        409: failure("They cannot be found or cut now"),
        413: failure("The body is too large"),
        415: failure("The body is not JSON"),
      },
    }),
    jsonBodyOnly,
    smallBodyOnly,
    cutRequest,
    async (c) => c.json(await control.cutSessions(sessionsOf(c.req.valid("json")))),
  );
  app.all("/v1/sessions/cut", methodNotAllowed("POST"));
}
