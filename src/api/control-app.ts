/** The app of the unix socket: everything, for every process that may open the socket. */

import type { Hono } from "hono";
import { describeRoute, validator } from "hono-openapi";
import type { Control } from "./control.ts";
import { addGuardRoutes } from "./guard-routes.ts";
import type { AppOptions } from "./health-app.ts";
import { addHealthRoutes, bareApp } from "./health-app.ts";
import { failure, json } from "./openapi.ts";
import { methodNotAllowed, problem } from "./problem.ts";
import { jsonBodyOnly, refuseInWords, smallBodyOnly } from "./request-body.ts";
import {
  DoorsSchema,
  GrantSchema,
  GrantsSchema,
  OpenRequestSchema,
  StatusSchema,
} from "./schemas.ts";
import { addSessionsRoute } from "./sessions-route.ts";
import { statusOf } from "./status.ts";
import { addWhyRoutes } from "./why-routes.ts";

const openRequest = validator("json", OpenRequestSchema, (result, c) => refuseInWords(result, c));

function addDoorRoutes(app: Hono, control: Control): void {
  app.get(
    "/v1/doors",
    describeRoute({
      summary: "The doors",
      responses: { 200: json("In the order of the configuration", DoorsSchema) },
    }),
    (c) => c.json({ doors: control.doors() }),
  );
  app.post(
    "/v1/doors/:door/grants",
    describeRoute({
      summary: "Open a door to an address",
      responses: {
        200: json("Open; the same grant as before, with a later end, if it was open", GrantSchema),
        400: failure("The body is not as it should be"),
        404: failure("No such door"),
        409: failure("The door cannot be opened now"),
        413: failure("The body is too large"),
        415: failure("The body is not JSON"),
      },
    }),
    jsonBodyOnly,
    smallBodyOnly,
    openRequest,
    async (c) => {
      const door = c.req.param("door");
      if (!control.doors().some(({ name }) => name === door)) {
        return problem(c, 404, "No door has this name: GET /v1/doors lists them");
      }
      const { address, for: forMs } = c.req.valid("json");
      return c.json(await control.open(door, address, forMs));
    },
  );
  app.all("/v1/doors", methodNotAllowed("GET", "HEAD"));
  app.all("/v1/doors/:door/grants", methodNotAllowed("POST"));
}

function addGrantRoutes(app: Hono, control: Control): void {
  app.get(
    "/v1/grants",
    describeRoute({
      summary: "The grants that live now",
      responses: { 200: json("In the order of their ends", GrantsSchema) },
    }),
    async (c) => {
      const grants = await control.grants();
      return c.json({ grants: grants.toSorted((a, b) => a.expiresMs - b.expiresMs) });
    },
  );
  app.delete(
    "/v1/grants/:id",
    describeRoute({
      summary: "End a grant and cut its connections",
      responses: { 200: json("The grant, ended", GrantSchema), 404: failure("No such grant") },
    }),
    async (c) => {
      const grant = await control.close(c.req.param("id"));
      if (grant !== undefined) return c.json(grant);
      return problem(c, 404, "No grant has this id: GET /v1/grants lists them");
    },
  );
  app.all("/v1/grants", methodNotAllowed("GET", "HEAD"));
  app.all("/v1/grants/:id", methodNotAllowed("DELETE"));
}

/** The health routes in full, the status, the doors, the grants and the guard. */
export function controlApp(control: Control, options: AppOptions = {}): Hono {
  const app = bareApp(options);
  addHealthRoutes(app, control, "owner", "Control of a sallyport daemon, on its unix socket.");
  app.get(
    "/v1/status",
    describeRoute({
      summary: "Health, readiness and counters in one",
      responses: { 200: json("Also while not ready", StatusSchema) },
    }),
    (c) => c.json(statusOf(control)),
  );
  app.all("/v1/status", methodNotAllowed("GET", "HEAD"));
  addDoorRoutes(app, control);
  addGrantRoutes(app, control);
  addSessionsRoute(app, control);
  addWhyRoutes(app, control);
  addGuardRoutes(app, control);
  return app;
}
