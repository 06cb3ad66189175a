/** The app of the TCP listener: health, readiness and metrics, for everybody who reaches it. */

import { Hono } from "hono";
import { getPath } from "hono/utils/url";
import { describeRoute } from "hono-openapi";
import type { Control, Reason } from "./control.ts";
import { REASONS } from "./control.ts";
import { EXPOSITION_TYPE, renderMetrics } from "./exposition.ts";
import { localNamesOnly } from "./allowed-hosts.ts";
import type { Audience } from "./metrics.ts";
import { readMetrics } from "./metrics.ts";
import { json, openApiDocument } from "./openapi.ts";
import { methodNotAllowed, problem, thrownProblem } from "./problem.ts";
import type { Health, Readiness } from "./schemas.ts";
import { HealthSchema, ReadinessSchema } from "./schemas.ts";
import { VERSION } from "../core/version.ts";

export interface AppOptions {
  /** Receives every error that is a bug; the answer shows nothing of it. Default: nowhere. */
  readonly report?: (error: unknown) => void;
}

/** As Hono reads it. The URL of a request without Host (HTTP/1.0) is a mere path. */
function pathOf(request: Request): string {
  return request.url.startsWith("/") ? request.url.split(/[?#]/, 1)[0]! : getPath(request);
}

/** An app without routes: error answers, and headers that keep answers out of caches. */
export function bareApp({ report = () => {} }: AppOptions): Hono {
  const app = new Hono({ getPath: pathOf });
  app.use(async (c, next) => {
    await next();
    c.header("Cache-Control", "no-store");
    c.header("X-Content-Type-Options", "nosniff");
  });
  app.notFound((c) => problem(c, 404, "Nothing is served here: /openapi.json lists the paths"));
  app.onError((thrown, c) => thrownProblem(c, thrown, report));
  return app;
}

export function healthOf(control: Control): Health {
  return {
    status: "ok",
    version: VERSION,
    uptimeSeconds: Math.floor(control.uptimeMs() / 1000),
  };
}

/** Details name interfaces, files and sets: only the owner sees them. */
export function readinessOf(control: Control, audience: Audience): Readiness {
  const shown = ({ code, detail, place }: Reason) => ({
    code,
    message: REASONS[code],
    ...(place !== undefined && { place }),
    ...(audience === "owner" && detail !== undefined && { detail }),
  });
  const reasons = control.readiness();
  return { ready: reasons.length === 0, reasons: reasons.map(shown) };
}

/** Adds the routes that both listeners serve; `description` heads the app's OpenAPI document. */
export function addHealthRoutes(
  app: Hono,
  control: Control,
  audience: Audience,
  description: string,
): void {
  app.get(
    "/healthz",
    describeRoute({
      summary: "Whether the process lives",
      responses: { 200: json("It does", HealthSchema) },
    }),
    (c) => c.json(healthOf(control)),
  );
  app.get(
    "/readyz",
    describeRoute({
      summary: "Whether a right knock opens its door",
      responses: {
        200: json("Ready", ReadinessSchema),
        503: json("Not ready, and why", ReadinessSchema),
      },
    }),
    (c) => {
      const readiness = readinessOf(control, audience);
      return c.json(readiness, readiness.ready ? 200 : 503);
    },
  );
  app.get(
    "/metrics",
    describeRoute({
      summary: "Metrics in the Prometheus text format",
      responses: {
        200: {
          description: "Text exposition 0.0.4",
          content: { "text/plain": { schema: { type: "string" } } },
        },
      },
    }),
    (c) => {
      const metrics = readMetrics(control, audience);
      return c.body(renderMetrics(metrics), 200, { "Content-Type": EXPOSITION_TYPE });
    },
  );
  app.get(
    "/openapi.json",
    describeRoute({
      summary: "This document",
      responses: { 200: { description: "OpenAPI 3.1" } },
    }),
    openApiDocument(app, description),
  );
  for (const path of ["/healthz", "/readyz", "/metrics", "/openapi.json"]) {
    app.all(path, methodNotAllowed("GET", "HEAD"));
  }
}

export interface HealthAppOptions extends AppOptions {
  /** Refuse requests whose Host is a name, for a listener on the loopback. Default: false. */
  readonly localOnly?: boolean;
}

/** GET /healthz, /readyz, /metrics and /openapi.json; none of them asks for a password. */
export function healthApp(control: Control, options: HealthAppOptions = {}): Hono {
  const app = bareApp(options);
  if (options.localOnly === true) app.use(localNamesOnly);
  const description = "Health of a sallyport daemon. Doors and grants are on its unix socket only.";
  addHealthRoutes(app, control, "anyone", description);
  return app;
}
