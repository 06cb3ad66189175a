/**
 * The control app, request by request: answers, refusals, and that neither repeats any part of the
 * request.
 */

import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import * as v from "valibot";
import { FakeControl, FULL, LEGACY, SSH } from "../../support/fake-control.ts";
import { controlApp } from "../../../src/api/control-app.ts";
import { healthApp } from "../../../src/api/health-app.ts";
import { ProblemSchema, StatusSchema } from "../../../src/api/schemas.ts";

const CANARY = "canary-5eed-ab1e";

function openRequest(body: string, type = "application/json") {
  return { method: "POST", body, headers: { "Content-Type": type } };
}

/** Status and detail of an answer that must be a problem. */
async function problemOf(response: Response) {
  expect(response.headers.get("Content-Type")).toBe("application/problem+json");
  const body = v.parse(ProblemSchema, await response.json());
  expect(body.status).toBe(response.status);
  return { status: response.status, detail: body.detail };
}

test("GET /v1/doors lists the doors in the order of the configuration", async () => {
  const response = await controlApp(new FakeControl()).request("/v1/doors");
  expect(await response.json()).toEqual({ doors: [SSH, LEGACY] });
  expect(response.headers.get("Cache-Control")).toBe("no-store");
});

test("GET /v1/grants lists the grants in the order of their ends", async () => {
  const control = new FakeControl();
  const late = control.add({ door: "ssh", address: "203.0.113.9" }, 60_000);
  const soon = control.add({ door: "legacy", address: "2001:db8::9", user: "alice" }, 1_000);
  const response = await controlApp(control).request("/v1/grants");
  expect(await response.json()).toEqual({ grants: [soon, late] });
});

describe("GET /v1/status", () => {
  test("holds health, readiness with details, counters and latency", async () => {
    const control = new FakeControl();
    control.reasons = [{ code: "state", detail: "state.db cannot be written" }];
    control.counters.set("knocks", 42);
    for (let i = 0; i < 99; i++) control.counters.observeLatency(0.0002);
    control.counters.observeLatency(0.004);
    const status = v.parse(
      StatusSchema,
      await (await controlApp(control).request("/v1/status")).json(),
    );
    expect(status).toMatchObject({
      ready: false,
      reasons: [{ code: "state", detail: "state.db cannot be written" }],
      counters: { knocks: 42 },
      latency: { count: 100, medianSeconds: 0.00025, p99Seconds: 0.00025 },
    });
  });

  test("leaves quantiles out that the histogram cannot know", async () => {
    const control = new FakeControl();
    const read = async () => {
      const response = await controlApp(control).request("/v1/status");
      return v.parse(StatusSchema, await response.json()).latency;
    };
    expect(await read()).toEqual({ count: 0 });
    control.counters.observeLatency(3);
    expect(await read()).toEqual({ count: 1 });
  });
});

describe("POST /v1/doors/:door/grants", () => {
  test("opens the door for its own time, and for the time asked", async () => {
    const control = new FakeControl();
    const app = controlApp(control);
    const path = "/v1/doors/ssh/grants";
    const own = await app.request(path, openRequest('{"address":"203.0.113.9"}'));
    expect(own.status).toBe(200);
    expect(await own.json()).toEqual([...control.live.values()][0]);
    const asked = await app.request(path, openRequest('{"address":"2001:DB8::0:9","for":"10m"}'));
    const grant = (await asked.json()) as { address: string; openedMs: number; expiresMs: number };
    expect(grant.address).toBe("2001:db8::9");
    expect(grant.expiresMs - grant.openedMs).toBe(600_000);
  });

  const ADDRESS =
    'address is not an IPv4 or IPv6 address that packets come from: write one such as "203.0.113.9"';
  const FOR = 'for is not a duration from 1s to 30d: write one such as "30s"';
  const BODY = 'The body is not an object with "address" and, if wanted, "for"';

  test.each([
    ["not JSON", `{"address": ${CANARY}`, 400, "The body is not valid JSON"],
    ["an empty body", "", 400, "The body is not valid JSON"],
    ["no object", `"${CANARY}"`, 400, BODY],
    ["an array", `["${CANARY}"]`, 400, BODY],
    ["null", "null", 400, BODY],
    ["no address", "{}", 400, BODY],
    ["an unknown key", `{"address":"192.0.2.1","${CANARY}":1}`, 400, BODY],
    ["an address that is none", `{"address":"${CANARY}"}`, 400, ADDRESS],
    ["a number as address", '{"address":3405803785}', 400, ADDRESS],
    ["a network", '{"address":"192.0.2.0/24"}', 400, ADDRESS],
    ["the unspecified address", '{"address":"0.0.0.0"}', 400, ADDRESS],
    ["the unspecified IPv6 address", '{"address":"::"}', 400, ADDRESS],
    ["a multicast address", '{"address":"224.0.0.1"}', 400, ADDRESS],
    ["an IPv6 multicast address", '{"address":"ff02::1"}', 400, ADDRESS],
    ["IPv4 in IPv6 clothing", '{"address":"::ffff:192.0.2.1"}', 400, ADDRESS],
    ["a duration that is none", `{"address":"192.0.2.1","for":"${CANARY}"}`, 400, FOR],
    ["a number as duration", '{"address":"192.0.2.1","for":30}', 400, FOR],
    ["null as duration", '{"address":"192.0.2.1","for":null}', 400, FOR],
    ["no time at all", '{"address":"192.0.2.1","for":"0s"}', 400, FOR],
    ["too short a time", '{"address":"192.0.2.1","for":"999ms"}', 400, FOR],
    ["too long a time", '{"address":"192.0.2.1","for":"31d"}', 400, FOR],
    ["two mistakes", `{"address":"${CANARY}","for":"x"}`, 400, `${ADDRESS}; ${FOR}`],
    ["a large body", JSON.stringify(CANARY.repeat(999)), 413, "The body is larger than 4096 bytes"],
  ])("refuses %s", async (_, body, status, detail) => {
    const control = new FakeControl();
    const response = await controlApp(control).request("/v1/doors/ssh/grants", openRequest(body));
    expect(await problemOf(response)).toEqual({ status, detail });
    expect(control.live.size).toBe(0);
  });

  test("refuses a body that is not marked as JSON", async () => {
    const app = controlApp(new FakeControl());
    for (const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "application/jsonx",
      "",
    ]) {
      const request = openRequest('{"address":"192.0.2.1"}', type);
      const { status } = await problemOf(await app.request("/v1/doors/ssh/grants", request));
      expect([type, status]).toEqual([type, 415]);
    }
  });

  test("knows only the doors there are", async () => {
    for (const door of [CANARY, "%00", "..%2f", "__proto__", "%E0%A4%A"]) {
      const control = new FakeControl();
      const request = openRequest('{"address":"192.0.2.1"}');
      const response = await controlApp(control).request(`/v1/doors/${door}/grants`, request);
      expect(await problemOf(response)).toEqual({
        status: 404,
        detail: "No door has this name: GET /v1/doors lists them",
      });
    }
  });

  test("passes on the sentence with which the daemon refuses", async () => {
    const control = new FakeControl();
    control.refusal = FULL;
    const request = openRequest('{"address":"192.0.2.1"}');
    const response = await controlApp(control).request("/v1/doors/ssh/grants", request);
    expect(await problemOf(response)).toEqual({ status: 409, detail: FULL.message });
  });

  test("answers a bug without its message or stack, and reports it", async () => {
    const control = new FakeControl();
    control.refusal = new TypeError(`${CANARY} is not a function`);
    const reported: unknown[] = [];
    const app = controlApp(control, { report: (error) => reported.push(error) });
    const request = openRequest('{"address":"192.0.2.1"}');
    const response = await app.request("/v1/doors/ssh/grants", request);
    const text = await response.text();
    expect([response.status, text]).toEqual([500, expect.not.stringContaining(CANARY)]);
    expect(text).not.toContain("control-app");
    expect(reported).toEqual([control.refusal]);
  });

  test("never repeats, and never opens by, a body that is anything else", async () => {
    const control = new FakeControl();
    const app = controlApp(control);
    const secret = fc.constantFrom(CANARY, { [CANARY]: CANARY }, [CANARY]);
    const body = fc.oneof(
      fc.record({ address: secret, for: fc.oneof(secret, fc.constant("30s")) }),
      fc.dictionary(fc.constantFrom("address", "for", "key", CANARY, "__proto__"), secret),
      secret,
    );
    await fc.assert(
      fc.asyncProperty(body, async (value) => {
        const request = openRequest(JSON.stringify(value));
        const response = await app.request("/v1/doors/ssh/grants", request);
        expect(response.status).toBe(400);
        expect(await response.text()).not.toContain(CANARY);
      }),
    );
    expect(control.live.size).toBe(0);
  });
});

describe("GET /v1/why/:address", () => {
  test("answers the findings about the address, in canonical text", async () => {
    const control = new FakeControl();
    control.findings = [{ kind: "clock", sentence: "That clock is slow", atMs: 1_767_225_600_000 }];
    const response = await controlApp(control).request("/v1/why/2001:DB8::0:9");
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ address: "2001:db8::9", findings: control.findings });
    expect(response.headers.get("Cache-Control")).toBe("no-store");
  });

  test("refuses what is no address packets come from, without repeating it", async () => {
    const app = controlApp(new FakeControl());
    for (const text of [CANARY, "0.0.0.0", "224.0.0.1", "::ffff:192.0.2.1", "1".repeat(10_000)]) {
      expect(await problemOf(await app.request(`/v1/why/${text}`))).toEqual({
        status: 400,
        detail:
          "It is not an IPv4 or IPv6 address that packets come from: ask for one such as /v1/why/203.0.113.9",
      });
    }
  });
});

test("GET /v1/why lists the addresses that knocked", async () => {
  const control = new FakeControl();
  control.knockers = [{ address: "203.0.113.9", knocks: 16, lastMs: 1_767_225_600_000 }];
  const response = await controlApp(control).request("/v1/why");
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ heard: control.knockers });
});

describe("DELETE /v1/grants/:id", () => {
  test("ends the grant and answers it", async () => {
    const control = new FakeControl();
    const grant = control.add({ door: "ssh", address: "203.0.113.9" });
    const app = controlApp(control);
    const response = await app.request(`/v1/grants/${grant.id}`, { method: "DELETE" });
    expect(await response.json()).toEqual(grant);
    expect(control.live.size).toBe(0);
  });

  test("answers 404 to an id that has no grant, without repeating it", async () => {
    const response = await controlApp(new FakeControl()).request(`/v1/grants/${CANARY}`, {
      method: "DELETE",
    });
    expect(await problemOf(response)).toEqual({
      status: 404,
      detail: "No grant has this id: GET /v1/grants lists them",
    });
  });
});

describe("paths and methods", () => {
  test.each([
    ["/healthz", "GET, HEAD"],
    ["/readyz", "GET, HEAD"],
    ["/metrics", "GET, HEAD"],
    ["/openapi.json", "GET, HEAD"],
    ["/v1/status", "GET, HEAD"],
    ["/v1/doors", "GET, HEAD"],
    ["/v1/grants", "GET, HEAD"],
    ["/v1/doors/ssh/grants", "POST"],
    ["/v1/grants/0123456789", "DELETE"],
    ["/v1/why/192.0.2.1", "GET, HEAD"],
    ["/v1/why", "GET, HEAD"],
  ])("%s answers 405 to what it does not serve, and names what it does", async (path, allow) => {
    const app = controlApp(new FakeControl());
    const all = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"];
    for (const method of all.filter((name) => !allow.split(", ").includes(name))) {
      const response = await app.request(path, { method });
      expect([method, response.status]).toEqual([method, 405]);
      expect(response.headers.get("Allow")).toBe(allow);
      if (method !== "HEAD") await problemOf(response);
    }
  });

  test("an unknown path answers 404 without repeating it", async () => {
    for (const path of ["/", `/${CANARY}`, "/v1", "/v1/", "/v2/doors", "/healthz/", "//healthz"]) {
      const response = await controlApp(new FakeControl()).request(path);
      expect((await problemOf(response)).detail).toBe(
        "Nothing is served here: /openapi.json lists the paths",
      );
    }
  });

  test("no answer invites a page of another origin", async () => {
    const app = controlApp(new FakeControl());
    const headers = { Origin: "https://attacker.example" };
    const response = await app.request("/v1/doors", { headers });
    expect([...response.headers.keys()].filter((name) => name.startsWith("access-"))).toEqual([]);
  });
});

describe("GET /openapi.json", () => {
  interface Document {
    readonly openapi: string;
    readonly paths: Record<string, Record<string, { responses: Record<string, unknown> }>>;
    readonly components: { readonly schemas: Record<string, unknown> };
  }
  const read = async (app: { request: (path: string) => Response | Promise<Response> }) =>
    (await (await app.request("/openapi.json")).json()) as Document;
  const listed = (document: Document) =>
    Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );

  test("describes on each listener exactly what that listener serves", async () => {
    const common = ["GET /healthz", "GET /readyz", "GET /metrics", "GET /openapi.json"];
    expect(listed(await read(healthApp(new FakeControl())))).toEqual(common);
    expect(listed(await read(controlApp(new FakeControl())))).toEqual([
      ...common,
      "GET /v1/status",
      "GET /v1/doors",
      "POST /v1/doors/{door}/grants",
      "GET /v1/grants",
      "DELETE /v1/grants/{id}",
      "POST /v1/sessions/cut",
      "GET /v1/why/{address}",
      "GET /v1/why",
      "POST /v1/reload",
      "POST /v1/keys/reload",
      "POST /v1/keys/check",
      "POST /v1/guard/probation",
      "POST /v1/guard/confirmation",
    ]);
  });

  test("refers only to schemas it holds, and describes every refusal as a problem", async () => {
    const document = await read(controlApp(new FakeControl()));
    expect(document.openapi).toStartWith("3.1");
    const text = JSON.stringify(document);
    const references = [...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(
      ([, name]) => name!,
    );
    expect(new Set(references)).toEqual(new Set(Object.keys(document.components.schemas)));
    const post = document.paths["/v1/doors/{door}/grants"]!["post"]!;
    expect(Object.keys(post.responses)).toEqual(["200", "400", "404", "409", "413", "415"]);
    expect(JSON.stringify(post.responses["400"])).toContain("application/problem+json");
  });
});
