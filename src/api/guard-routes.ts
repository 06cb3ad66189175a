/** Routes of the unix socket that act on the whole guard: reload, keys, probation, confirmation. */

import type { Hono } from "hono";
import { describeRoute, validator } from "hono-openapi";
import type { Control } from "./control.ts";
import { failure, json } from "./openapi.ts";
import { methodNotAllowed } from "./problem.ts";
import { jsonBodyOnly, refuseInWords, smallBodyOnly } from "./request-body.ts";
import {
  ArmRequestSchema,
  ConfirmRequestSchema,
  DoneSchema,
  KeysCheckSchema,
  KeysRequestSchema,
  KeysSeenSchema,
  KeysToldSchema,
  ReloadRequestSchema,
  ReloadToldSchema,
} from "./schemas.ts";

const armRequest = validator("json", ArmRequestSchema, refuseInWords);
const confirmRequest = validator("json", ConfirmRequestSchema, refuseInWords);
const reloadRequest = validator("json", ReloadRequestSchema, refuseInWords);
const keysRequest = validator("json", KeysRequestSchema, refuseInWords);
const keysCheck = validator("json", KeysCheckSchema, refuseInWords);

const refusals = {
  400: failure("The body is not as it should be"),
  409: failure("It cannot be done now"),
  413: failure("The body is too large"),
  415: failure("The body is not JSON"),
};

const needsYes = {
  409: failure(
    'It cannot be done now; with "needs": "yes" it can, and would cut off whom the detail names',
  ),
};

export function addGuardRoutes(app: Hono, control: Control): void {
  app.post(
    "/v1/reload",
    describeRoute({
      summary: "Read the configuration again, all of it or nothing",
      responses: {
        200: json("In force", ReloadToldSchema),
        422: failure("The configuration is wrong; the old one stays in force"),
        ...refusals,
        ...needsYes,
      },
    }),
    jsonBodyOnly,
    smallBodyOnly,
    reloadRequest,
    async (c) => {
      const { yes, for: armMs, from } = c.req.valid("json");
      return c.json(await control.reload({ yes, armMs, from }));
    },
  );
  app.post(
    "/v1/keys/reload",
    describeRoute({
      summary: "Read the keys again, and end the grants of devices whose key is gone",
      responses: {
        200: json("In force", KeysToldSchema),
        422: failure("The keys are wrong; the old ones stay in force"),
        ...refusals,
        ...needsYes,
      },
    }),
    jsonBodyOnly,
    smallBodyOnly,
    keysRequest,
    async (c) => c.json(await control.reloadKeys(c.req.valid("json"))),
  );
  app.post(
    "/v1/keys/check",
    describeRoute({
      summary: "Say whether the keys could be read again, and change nothing",
      responses: {
        200: json("They could", KeysSeenSchema),
        422: failure("The keys are wrong"),
        ...refusals,
        ...needsYes,
      },
    }),
    jsonBodyOnly,
    smallBodyOnly,
    keysCheck,
    (c) => c.json(control.checkKeys(c.req.valid("json"))),
  );
  app.post(
    "/v1/guard/probation",
    describeRoute({
      summary: "Guard on probation: the kernel stops guarding unless somebody confirms in time",
      responses: { 200: json("On probation", DoneSchema), ...refusals },
    }),
    jsonBodyOnly,
    smallBodyOnly,
    armRequest,
    async (c) => c.json({ done: await control.arm(c.req.valid("json").for) }),
  );
  app.post(
    "/v1/guard/confirmation",
    describeRoute({
      summary:
        "Make the guard permanent, after a knock and a new connection proved that it can be passed",
      responses: { 200: json("Permanent", DoneSchema), ...refusals },
    }),
    jsonBodyOnly,
    smallBodyOnly,
    confirmRequest,
    async (c) => c.json({ done: await control.confirm(c.req.valid("json").force ?? false) }),
  );
  for (const path of [
    "/v1/reload",
    "/v1/keys/reload",
    "/v1/keys/check",
    "/v1/guard/probation",
    "/v1/guard/confirmation",
  ]) {
    app.all(path, methodNotAllowed("POST"));
  }
}
