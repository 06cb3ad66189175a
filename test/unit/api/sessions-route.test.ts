/** The route that cuts sessions whose grants are over. */

import { expect, test } from "bun:test";
import { controlApp } from "../../../src/api/control-app.ts";
import { healthApp } from "../../../src/api/health-app.ts";
import { FakeControl } from "../../support/fake-control.ts";

const PATH = "/v1/sessions/cut";

const post = (app: ReturnType<typeof controlApp>, body: unknown) =>
  app.request(PATH, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "content-type": "application/json" },
  });

test.each([
  [{ address: "203.0.113.9" }, "cutSessions * 203.0.113.9"],
  [{ address: "2001:db8:0:1::/64", door: "ssh" }, "cutSessions ssh 2001:db8:0:1::/64"],
  [{ user: "alice" }, "cutSessions alice/*"],
  [{ user: "alice", device: "phone" }, "cutSessions alice/phone"],
])(`POST ${PATH} %j answers with what was cut`, async (body, call) => {
  const control = new FakeControl();
  control.sessions = {
    cut: [{ door: "ssh", address: "203.0.113.9", sessions: 1 }],
    unsearched: 2,
    spared: [],
  };
  const response = await post(controlApp(control), body);
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual(control.sessions);
  expect(control.calls).toEqual([call]);
});

test.each([
  {},
  "QZ7CANARY",
  { address: "QZ7CANARY" },
  { address: "203.0.113.9", user: "QZ7CANARY" },
  { address: "203.0.113.9", device: "QZ7CANARY" },
  { address: "203.0.113.9", door: 7 },
  { user: "alice", door: "QZ7CANARY" },
  { user: 7 },
  { door: "QZ7CANARY" },
])(`POST ${PATH} refuses %j without repeating it`, async (body) => {
  const control = new FakeControl();
  const response = await post(controlApp(control), body);
  expect(response.status).toBe(400);
  expect(await response.text()).not.toMatch(/CANARY|Invalid/);
  expect(control.calls).toEqual([]);
});

test(`${PATH} is served on the unix socket only, and by POST only`, async () => {
  const control = new FakeControl();
  expect((await post(healthApp(control), { user: "alice" })).status).toBe(404);
  expect((await controlApp(control).request(PATH)).status).toBe(405);
  expect(control.calls).toEqual([]);
});
