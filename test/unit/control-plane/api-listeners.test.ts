/** The listeners of the API come back where their place was taken away. */

import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectControl } from "../../../src/api/client.ts";
import { ApiListeners } from "../../../src/control-plane/api-listeners.ts";
import { Readiness } from "../../../src/control-plane/readiness.ts";
import { FakeControl } from "../../support/fake-control.ts";

let folder: string;
let socket: string;
let readiness: Readiness;
let api: ApiListeners;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "sallyport-listeners-"));
  socket = join(folder, "run", "control.sock");
  readiness = new Readiness();
  const at = { listen: { host: "127.0.0.1", port: 0 }, socket };
  api = new ApiListeners({ control: new FakeControl(), api: at, readiness });
  await api.start();
});
afterEach(() => {
  api.stop();
  rmSync(folder, { recursive: true });
});

const asked = () => connectControl(socket).doors();

test("ApiListeners.start() leaves a socket that stands, with its connections", async () => {
  const own = lstatSync(socket).ino;
  const [doors] = await Promise.all([asked(), api.start(), api.start()]);
  expect(doors).toHaveLength(2);
  expect(lstatSync(socket).ino).toBe(own);
});

test("ApiListeners.start() listens once where several ask after the socket was removed", async () => {
  rmSync(join(folder, "run"), { recursive: true });
  await Promise.all([api.start(), api.start(), api.start()]);
  expect(readiness.has("listen")).toBe(false);
  expect(lstatSync(socket).mode & 0o777).toBe(0o600);
  expect(await asked()).toHaveLength(2);
});

test("ApiListeners tells that another file has the path, until the socket is back there", async () => {
  renameSync(socket, `${socket}.away`);
  writeFileSync(socket, "of somebody else");
  await api.start();
  expect(readiness.reasons()).toEqual([
    { code: "listen", detail: expect.stringContaining("the file there is not a socket") },
  ]);
  expect(readFileSync(socket, "utf8")).toBe("of somebody else");
  renameSync(`${socket}.away`, socket);
  await api.start();
  expect(readiness.has("listen")).toBe(false);
  expect(await asked()).toHaveLength(2);
});

test("ApiListeners.stop() removes its socket, and nothing that took its place", () => {
  renameSync(socket, `${socket}.away`);
  writeFileSync(socket, "of somebody else");
  api.stop();
  expect(readFileSync(socket, "utf8")).toBe("of somebody else");
  rmSync(socket);
  renameSync(`${socket}.away`, socket);
  api.stop();
  expect(existsSync(socket)).toBe(false);
});
