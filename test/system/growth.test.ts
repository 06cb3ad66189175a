/** What is done again and again leaves nothing in memory. */

import { expect, test } from "bun:test";
import { residentOf } from "../bench/process.ts";
import { GuardedServer } from "../support/guarded-server.ts";
import { Lab } from "../support/lab.ts";

const FLUSHES = 120;
/** Half of what so many repairs left before they were collected. */
const MOST_BYTES = 20e6;

test("a rule set that another program flushes again and again takes no more memory", async () => {
  using lab = new Lab();
  const door = '[door.web]\nopens = ["8080/tcp"]\nusers = ["alice"]\n';
  await using server = await new GuardedServer(lab, door, { users: ["alice"] }).start();
  const own = () => residentOf([server.pid]).anonymous;
  const flush = async () => {
    const from = server.log.length;
    lab.run("server", ["nft", "flush", "ruleset"]);
    await server.waitForLog(/Repaired the guard/, from);
  };
  await flush();
  const before = own();
  for (let n = 0; n < FLUSHES; n++) await flush();
  expect(own() - before).toBeLessThan(MOST_BYTES);
}, 120_000);
