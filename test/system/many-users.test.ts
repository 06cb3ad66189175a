/**
 * Thousands of keys in one file, and a door for everybody who has one: through to the kernel and
 * back.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { formatKeys, makeKey } from "../../src/keys/keys.ts";
import { sequencePorts } from "../../src/rks/sequence.ts";
import { slotAt } from "../../src/rks/slot.ts";
import { DEFAULT_SPACE } from "../../src/rks/space.ts";
import { GuardedServer } from "../support/guarded-server.ts";
import { sendKnocks } from "../support/knocks.ts";
import { Lab } from "../support/lab.ts";
import { probe, startEcho } from "../support/service.ts";

const USERS = 20_000;

test('a door of "*" opens to any of 20,000 keys, each knock once, also to one added by a reload', async () => {
  using lab = new Lab();
  await startEcho(lab, "server", 8080);
  const doors = `[door.web]\nopens = ["8080/tcp"]\nusers = ["*"]\nopen_for = "1m"\n`;
  await using server = new GuardedServer(lab, doors);
  const keys = Array.from({ length: USERS }, (_, i) => ({
    user: `user${i}`,
    device: "default",
    key: makeKey("lab"),
  }));
  const state = join(server.dir, "state");
  mkdirSync(state, { mode: 0o700 });
  writeFileSync(join(state, "keys.toml"), formatKeys(keys), { mode: 0o600 });
  writeFileSync(join(state, "first-start"), "");
  await server.start();

  const knockOf = (key: Uint8Array) =>
    [...sequencePorts(key, "web", DEFAULT_SPACE, slotAt(Date.now(), 30))].map((port) => ({
      to: "10.77.0.1",
      port,
    }));
  expect(probe(lab, "client", "10.77.0.1", 8080)).not.toBe("open");
  const sent = new Map<number, ReturnType<typeof knockOf>>();
  for (const i of [0, 9_999, USERS - 1]) {
    sent.set(i, knockOf(keys[i]!.key));
    sendKnocks(lab, "client", sent.get(i)!);
    await server.waitForLog(new RegExp(`(Opened|Renewed) web .* by user${i}/default`));
  }
  expect(probe(lab, "client", "10.77.0.1", 8080)).toBe("open");

  // Listed, explained and counted by name, though no thread holds an object for each.
  const why = server.command("why", "10.77.0.2");
  expect(why.out).toContain(`The right knock of user${USERS - 1}/default for web: it opened at`);
  expect(server.command("user", "list").out.split("\n")).toHaveLength(USERS + 1);

  const link = /rks1:\/\/\S+/.exec(server.command("user", "add", "zoe", "--host", "10.77.0.1").out);
  expect(server.command("reload").code).toBe(0);
  const before = server.log.length;
  expect(server.knock("client", link![0]).code).toBe(0);
  await server.waitForLog(/(Opened|Renewed) web .* by zoe\/default/, before);

  // A use is remembered through a restart, found by the name of its key.
  await server.stop();
  await server.start();
  const restarted = server.log.length;
  sendKnocks(lab, "stranger", sent.get(9_999)!);
  await server.waitForLog(/Refused 10\.77\.0\.3: the knock of user9999\/default/, restarted);
  expect(probe(lab, "stranger", "10.77.0.1", 8080)).not.toBe("open");
}, 120_000);
