/** The metrics that anyone may read, and that they say nothing about a sequence hit in part. */

import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { FakeControl } from "../../support/fake-control.ts";
import type { Family } from "./parse-exposition.ts";
import { parseExposition } from "./parse-exposition.ts";
import type { ReasonCode } from "../../../src/api/control.ts";
import { REASONS } from "../../../src/api/control.ts";
import { controlApp } from "../../../src/api/control-app.ts";
import { healthApp } from "../../../src/api/health-app.ts";
import type { CounterName } from "../../../src/core/counters.ts";
import { VERSION } from "../../../src/core/version.ts";

const PATHS = ["/healthz", "/readyz", "/metrics", "/openapi.json"] as const;

/** Counters that only a whole sequence, the network or the daemon itself moves. */
const SAFE: readonly CounterName[] = [
  "captureInterfaces",
  "matches",
  "repeats",
  "reuses",
  "grantsOpened",
  "grantsRenewed",
  "grantsClosed",
  "grantsFailed",
  "grantsLive",
];

/** Counters that one packet to a knock port can move, whether or not the rest of the knock follows. */
const TELLING: readonly CounterName[] = [
  "packets",
  "unknownFrames",
  "foreignFrames",
  "captureDrops",
  "knocks",
  "sources4",
  "sources6",
  "sourcesEvicted",
  // Not one packet, but a part of a sequence.
  "partialReuses",
];

/** Everything that a reader of the TCP listener can get. */
async function publicView(control: FakeControl): Promise<string> {
  const app = healthApp(control);
  const answers = PATHS.map(async (path) => {
    const response = await app.request(path);
    return [response.status, [...response.headers], await response.text()];
  });
  return JSON.stringify(await Promise.all(answers));
}

test("GET /healthz answers 200 with version and uptime, ready or not", async () => {
  const control = new FakeControl();
  control.reasons = [{ code: "firewall" }];
  const response = await healthApp(control).request("/healthz");
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ status: "ok", version: VERSION, uptimeSeconds: 11_520 });
});

test("GET /readyz answers 200 while no reason speaks against it", async () => {
  const response = await healthApp(new FakeControl()).request("/readyz");
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ ready: true, reasons: [] });
});

test("GET /readyz answers 503 with code and fixed sentence, and keeps the detail to itself", async () => {
  const control = new FakeControl();
  control.reasons = [{ code: "capture", detail: "Not listening on eth7" }, { code: "clock" }];
  const response = await healthApp(control).request("/readyz");
  expect(response.status).toBe(503);
  expect(await response.json()).toEqual({
    ready: false,
    reasons: [
      { code: "capture", message: REASONS.capture },
      { code: "clock", message: REASONS.clock },
    ],
  });
});

test("GET /readyz of the control socket tells the detail", async () => {
  const control = new FakeControl();
  control.reasons = [{ code: "capture", detail: "Not listening on eth7" }];
  const response = await controlApp(control).request("/readyz");
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({ reasons: [{ detail: "Not listening on eth7" }] });
});

describe("what anyone may read", () => {
  test("does not move with anything one packet of a knock can move", async () => {
    const still = await publicView(new FakeControl());
    await fc.assert(
      fc.asyncProperty(
        fc.record(Object.fromEntries(TELLING.map((name) => [name, fc.nat()]))),
        async (moved) => {
          const control = new FakeControl();
          for (const [name, value] of Object.entries(moved)) {
            control.counters.set(name as CounterName, value);
          }
          expect(await publicView(control)).toBe(still);
        },
      ),
      { numRuns: 30 },
    );
  });

  test("does not move with the memory of the process, which grows with remembered sources", async () => {
    const text = await (await healthApp(new FakeControl()).request("/metrics")).text();
    expect(text).not.toContain("memory");
    const full = await (await controlApp(new FakeControl()).request("/metrics")).text();
    expect(parseExposition(full).has("process_resident_memory_bytes")).toBeTrue();
  });

  test("leave out the memory where it cannot be read, and nothing else", async () => {
    const control = new FakeControl();
    const namesOf = async () => [
      ...parseExposition(await (await controlApp(control).request("/metrics")).text()).keys(),
    ];
    const all = await namesOf();
    control.memory = undefined;
    expect(await namesOf()).toEqual(all.filter((name) => name !== "process_resident_memory_bytes"));
  });

  test("does not move with what is known of an address and why it opened nothing", async () => {
    const control = new FakeControl();
    const still = await publicView(control);
    control.findings = [
      { kind: "incomplete", sentence: "7 of 8 ports of canary-user", atMs: 47_011 },
    ];
    expect(await publicView(control)).toBe(still);
    expect(still).not.toContain("/v1/why");
  });

  test("names no door, user, address, port, grant or interface", async () => {
    const control = new FakeControl();
    const empty = await publicView(control);
    control.views = [
      { ...control.views[0]!, name: "canary-door", users: ["canary-user"], opens: ["47011/tcp"] },
    ];
    control.add({ door: "canary-door", address: "198.51.100.77", user: "canary-user" });
    control.reasons = [];
    expect(await publicView(control)).toBe(empty);
    control.reasons = (Object.keys(REASONS) as ReasonCode[]).map((code) => ({
      code,
      detail: "canary",
    }));
    expect(await publicView(control)).not.toContain("canary");
  });

  test("serves no path of the control socket", async () => {
    const app = healthApp(new FakeControl());
    for (const [method, path] of [
      ["GET", "/v1/status"],
      ["GET", "/v1/doors"],
      ["GET", "/v1/grants"],
      ["POST", "/v1/doors/ssh/grants"],
      ["DELETE", "/v1/grants/0123456789"],
      ["GET", "/v1/why/192.0.2.1"],
      ["GET", "/v1/why"],
    ] as const) {
      const response = await app.request(path, { method });
      expect([path, response.status]).toEqual([path, 404]);
    }
  });
});

describe("GET /metrics", () => {
  async function families(audience: "anyone" | "owner", control: FakeControl) {
    const app = audience === "anyone" ? healthApp(control) : controlApp(control);
    const response = await app.request("/metrics");
    expect(response.headers.get("Content-Type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    return parseExposition(await response.text());
  }

  const valuesOf = (shown: Map<string, Family>) =>
    [...shown.values()].flatMap(({ samples }) => Array.from(samples.values()));

  test("is well-formed for both audiences", async () => {
    const control = new FakeControl();
    for (const seconds of [0.00005, 0.0002, 0.0002, 0.004, 7]) {
      control.counters.observeLatency(seconds);
    }
    for (const audience of ["anyone", "owner"] as const) {
      const latency = (await families(audience, control)).get("sallyport_open_latency_seconds")!;
      expect(latency.samples.get("sallyport_open_latency_seconds_count")).toBe(5);
      expect(latency.samples.get('sallyport_open_latency_seconds_bucket{le="0.00025"}')).toBe(3);
      expect(latency.samples.get('sallyport_open_latency_seconds_bucket{le="0.1"}')).toBe(4);
    }
  });

  test("shows every counter to the owner, each in a series of its own", async () => {
    const control = new FakeControl();
    const names = [...SAFE, ...TELLING];
    for (const [i, name] of names.entries()) control.counters.set(name, 1000 + i);
    const values = valuesOf(await families("owner", control));
    for (const [i, name] of names.entries()) {
      expect([name, values.filter((value) => value === 1000 + i).length]).toEqual([name, 1]);
    }
  });

  test("shows anyone the counters of whole sequences, and only those", async () => {
    const control = new FakeControl();
    for (const [i, name] of SAFE.entries()) control.counters.set(name, 1000 + i);
    const shown = await families("anyone", control);
    const values = valuesOf(shown);
    expect(values).toEqual(expect.arrayContaining(SAFE.map((_, i) => 1000 + i)));
    expect([...shown.keys()].toSorted()).toEqual([
      "process_start_time_seconds",
      "sallyport_build_info",
      "sallyport_capture_interfaces",
      "sallyport_close_commands_owed",
      "sallyport_commands_dropped_total",
      "sallyport_commands_waiting",
      "sallyport_enforced_ratio",
      "sallyport_grants",
      "sallyport_grants_closed_total",
      "sallyport_grants_failed_total",
      "sallyport_grants_opened_total",
      "sallyport_grants_renewed_total",
      "sallyport_grants_repaired_total",
      "sallyport_guard_repairs_total",
      "sallyport_log_lines_dropped_total",
      "sallyport_matches_total",
      "sallyport_not_ready",
      "sallyport_open_latency_seconds",
      "sallyport_ready",
      "sallyport_repeats_total",
      "sallyport_reuses_total",
    ]);
  });

  test("has one series for each reason, 1 while it stands", async () => {
    const control = new FakeControl();
    control.reasons = [{ code: "drops", detail: "canary" }];
    const shown = await families("anyone", control);
    expect(shown.get("sallyport_ready")!.samples.get("sallyport_ready")).toBe(0);
    const reasons = shown.get("sallyport_not_ready")!.samples;
    expect(reasons.size).toBe(Object.keys(REASONS).length);
    expect(reasons.get('sallyport_not_ready{reason="drops"}')).toBe(1);
    expect(reasons.get('sallyport_not_ready{reason="firewall"}')).toBe(0);
  });
});

describe("a listener on the loopback", () => {
  const app = healthApp(new FakeControl(), { localOnly: true });
  const statusFor = async (host: string) =>
    (await app.request("/healthz", { headers: { Host: host } })).status;

  test.each([
    "127.0.0.1:7878",
    "127.0.0.1",
    "localhost:7878",
    "LOCALHOST",
    "[::1]:7878",
    "10.0.0.7",
  ])("answers to the Host %s", async (host) => {
    expect(await statusFor(host)).toBe(200);
  });

  test.each([
    "attacker.example",
    "attacker.example:7878",
    "127.0.0.1.attacker.example",
    "localhost.attacker.example",
    "::1",
    "[127.0.0.1]",
    "[attacker.example]",
    "",
  ])("refuses the Host %p, which a page could have pointed here", async (host) => {
    expect(await statusFor(host)).toBe(421);
  });

  test("refuses it on every path, also one that does not exist", async () => {
    for (const path of [...PATHS, "/nothing"]) {
      const response = await app.request(path, { headers: { Host: "attacker.example" } });
      expect([path, response.status]).toEqual([path, 421]);
    }
  });
});
