/** The routes that act on the guard as a whole. */

import { describe, expect, test } from "bun:test";
import { FakeControl } from "../../support/fake-control.ts";
import { controlApp } from "../../../src/api/control-app.ts";
import { healthApp } from "../../../src/api/health-app.ts";
import { ExitCode, NeedsYes, SallyportError } from "../../../src/core/errors.ts";

const JSON_TYPE = { "Content-Type": "application/json" };

function post(app: ReturnType<typeof controlApp>, path: string, body?: unknown) {
  return app.request(path, {
    method: "POST",
    ...(body !== undefined && { headers: JSON_TYPE, body: JSON.stringify(body) }),
  });
}

describe("controlApp()", () => {
  test.each([
    ["/v1/guard/probation", { for: "2m" }, "arm 120000"],
    ["/v1/guard/confirmation", {}, "confirm false"],
    ["/v1/guard/confirmation", { force: true }, "confirm true"],
  ])("answers POST %s %j with what was done", async (path, body, call) => {
    const control = new FakeControl();
    const response = await post(controlApp(control), path, body);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ done: `Did ${call}` });
    expect(control.calls).toEqual([call]);
  });

  test.each([
    ["/v1/guard/probation", {}],
    ["/v1/guard/probation", { for: "1s" }],
    ["/v1/guard/probation", { for: "QZ7CANARY" }],
    ["/v1/guard/confirmation", { force: "QZ7CANARY" }],
    ["/v1/guard/confirmation", { QZ7CANARY: 1 }],
    ["/v1/reload", { yes: "QZ7CANARY" }],
    ["/v1/reload", { for: "QZ7CANARY" }],
    ["/v1/reload", { from: { address: "QZ7CANARY" } }],
    ["/v1/reload", { from: { address: "203.0.113.9", port: 0 } }],
    ["/v1/reload", { QZ7CANARY: 1 }],
    ["/v1/keys/reload", { keepSessions: "QZ7CANARY" }],
    ["/v1/keys/reload", { removed: "QZ7CANARY" }],
    ["/v1/keys/reload", { removed: { device: "QZ7CANARY" } }],
    ["/v1/keys/reload", { QZ7CANARY: 1 }],
    ["/v1/keys/reload", { yes: "QZ7CANARY" }],
    ["/v1/keys/check", { removed: "QZ7CANARY" }],
    ["/v1/keys/check", { from: { address: "QZ7CANARY" } }],
    ["/v1/keys/check", { QZ7CANARY: 1 }],
  ])("refuses POST %s %j without repeating it", async (path, body) => {
    const control = new FakeControl();
    const response = await post(controlApp(control), path, body);
    expect(response.status).toBe(400);
    expect(await response.text()).not.toContain("CANARY");
    expect(control.calls).toEqual([]);
  });

  test("answers POST /v1/keys/reload with the file that was read and what was ended", async () => {
    const control = new FakeControl();
    const ended = control.add({ door: "ssh", address: "203.0.113.9" });
    control.cutOff = [ended];
    control.lost = [{ user: "alice", device: "phone" }];
    const response = await post(controlApp(control), "/v1/keys/reload", { keepSessions: true });
    expect(await response.json()).toEqual({
      done: "Read the keys again",
      file: control.keysFile,
      lost: [{ user: "alice", device: "phone" }],
      ended: [ended],
      cut: [],
    });
    await post(controlApp(control), "/v1/keys/reload", {});
    const removed = { user: "alice", device: "phone" };
    await post(controlApp(control), "/v1/keys/reload", { removed });
    expect(control.calls).toEqual([
      "reloadKeys true",
      "reloadKeys false",
      "reloadKeys false without alice/phone",
    ]);
  });

  test("answers POST /v1/keys/check with the file as the daemon sees it, or asks for a yes", async () => {
    const control = new FakeControl();
    control.keysFolder = "64769:131";
    const body = { removed: { user: "alice" }, from: { address: "203.0.113.9", port: 22 } };
    const response = await post(controlApp(control), "/v1/keys/check", body);
    expect(await response.json()).toEqual({
      file: control.keysFile,
      folder: control.keysFolder,
    });
    expect(control.checks).toEqual(["checkKeys without alice/* from 203.0.113.9"]);
    control.keysRefusal = new NeedsYes("Cannot take the keys: everybody would lose them");
    for (const path of ["/v1/keys/check", "/v1/keys/reload"]) {
      const refused = await post(controlApp(control), path, {});
      expect(refused.status).toBe(409);
      expect(await refused.json()).toMatchObject({ needs: "yes" });
    }
    const meant = await post(controlApp(control), "/v1/keys/reload", { yes: true });
    expect(meant.status).toBe(200);
  });

  test.each([
    [{}, "reload false undefined"],
    [{ yes: true, for: "2m" }, "reload true 120000"],
    [
      { from: { address: "203.0.113.9", port: 22 } },
      "reload false undefined from 203.0.113.9 to 22",
    ],
  ])(
    "answers POST /v1/reload %j with what changed and what may not be meant",
    async (body, call) => {
      const control = new FakeControl();
      control.changes = ["alice is cut off"];
      control.warnings = ["bob has no key"];
      const response = await post(controlApp(control), "/v1/reload", body);
      expect(await response.json()).toEqual({
        done: `Did ${call}`,
        changes: ["alice is cut off"],
        warnings: ["bob has no key"],
      });
    },
  );

  test("says that a reload needs a yes", async () => {
    const control = new FakeControl();
    control.refusal = new NeedsYes("Cannot reload without a yes: alice is cut off");
    const response = await post(controlApp(control), "/v1/reload", {});
    expect(response.status).toBe(409);
    expect(await response.json()).toMatchObject({
      needs: "yes",
      detail: "Cannot reload without a yes: alice is cut off",
    });
  });

  test("tells a wrong configuration from one that cannot be loaded now", async () => {
    const control = new FakeControl();
    control.refusal = new SallyportError("config.toml:3: door is empty", ExitCode.config);
    expect((await post(controlApp(control), "/v1/reload", {})).status).toBe(422);
    control.refusal = new SallyportError("Cannot reload: the daemon is starting");
    expect((await post(controlApp(control), "/v1/reload", {})).status).toBe(409);
  });
});

test("healthApp() has none of the guard's routes", async () => {
  const control = new FakeControl();
  for (const path of [
    "/v1/reload",
    "/v1/keys/reload",
    "/v1/keys/check",
    "/v1/guard/probation",
    "/v1/guard/confirmation",
  ]) {
    expect((await post(healthApp(control), path, {})).status).toBe(404);
  }
  expect(control.calls).toEqual([]);
});
