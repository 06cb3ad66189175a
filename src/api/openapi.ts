/**
 * The OpenAPI side of the routes: descriptions of their answers, and the document that lists them.
 */

import type { Hono } from "hono";
import { openAPIRouteHandler, resolver } from "hono-openapi";
import type { GenericSchema } from "valibot";
import { PROBLEM_TYPE } from "./problem.ts";
import { ProblemSchema } from "./schemas.ts";
import { VERSION } from "../core/version.ts";

/** An answer with a JSON body of this schema. */
export function json(description: string, schema: GenericSchema) {
  return { description, content: { "application/json": { schema: resolver(schema) } } };
}

/** An answer that reports an error. */
export function failure(description: string) {
  return { description, content: { [PROBLEM_TYPE]: { schema: resolver(ProblemSchema) } } };
}

/** GET /openapi.json of an app: describes the routes that this app serves. */
export function openApiDocument(app: Hono, description: string) {
  return openAPIRouteHandler(app, {
    documentation: { info: { title: "sallyport", version: VERSION, description } },
    excludeStaticFile: false, // "openapi.json" looks like one
    defaultValidationErrorResponse: false, // its shape is not ours
  });
}
