/** A state folder whose disk is gone under the running daemon: a change of keys begins no new file that locks everybody out. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { GuardedServer } from "../support/guarded-server.ts";
import { portsOf, sendKnocks } from "../support/knocks.ts";
import { Lab } from "../support/lab.ts";
import { run } from "../support/programs.ts";

const SERVER = "10.77.0.1";
const DOORS = `
[door.web]
opens = ["8080/tcp"]
users = ["*"]
open_for = "1m"
`;

let lab: Lab;
let server: GuardedServer | undefined;
let state: string;
let mounted = false;

beforeEach(() => {
  lab = new Lab();
});
afterEach(async () => {
  await server?.[Symbol.asyncDispose]();
  if (mounted) run(["umount", "-l", state], { mayFail: true });
  mounted = false;
  lab[Symbol.dispose]();
});

/**
 * A daemon with alice's key on a disk of its own, which is unmounted then: for the daemon as well, or not in its own view of
 * the mounts, which a process of the lab has as a service has it. Returns her link.
 */
async function unmountUnder(
  view: "all" | "ours",
): Promise<{ server: GuardedServer; link: string }> {
  const made = new GuardedServer(lab, DOORS);
  server = made;
  state = join(made.dir, "state");
  mkdirSync(state, { mode: 0o700 });
  run(["mount", "-t", "tmpfs", "-o", "mode=700", "state", state]);
  mounted = true;
  expect(made.command("user", "add", "alice", "--host", SERVER).code).toBe(0);
  const link = made.link("alice", "web");
  await made.start();
  if (view === "all") run(["nsenter", "-t", String(made.pid), "-m", "umount", "-l", state]);
  run(["umount", "-l", state]);
  mounted = false;
  return { server: made, link };
}

async function opensStill({ server: daemon, link }: { server: GuardedServer; link: string }) {
  const from = daemon.log.length;
  sendKnocks(
    lab,
    "client",
    portsOf(link).map((port) => ({ to: SERVER, port })),
  );
  await daemon.waitForLog(/Opened web .* by alice/, from);
}

describe("beside a daemon whose state disk is unmounted", () => {
  test("user add and user remove refuse, and change nothing: everybody would lose his key", async () => {
    const lost = await unmountUnder("all");
    expect(existsSync(join(state, "keys.toml"))).toBe(false);
    const said =
      `sallyport: Cannot take the keys of ${state}/keys.toml: it holds no key of alice any more, or another one: ` +
      `everybody who can open web now would lose it: put the file back (is the disk of ${state} mounted?), ` +
      'or run "sallyport reload" if that is meant; nothing was changed\n';
    const add = ["user", "add", "bob", "--host", SERVER];
    for (const argv of [add, [...add, "--if-missing"], ["user", "remove", "bob"]]) {
      expect(lost.server.command(...argv)).toEqual({ code: 1, out: "", err: said });
    }
    expect(existsSync(join(state, "keys.toml"))).toBe(false);
    await opensStill(lost);
    // What it writes into the folder below is its own: it ended, and began anew without a key.
    await lost.server.waitForLog(/uses\.db was deleted or replaced/);
    // Whoever says that it is meant, is believed.
    expect(lost.server.command("reload").err).toContain(
      "everybody who can open web now would lose it",
    );
    expect(lost.server.command("reload", "--yes").code).toBe(0);
    expect(lost.server.command(...add).err).toEndWith(
      "The running daemon took the key: it opens its doors from now on\n",
    );
  });

  test("user add refuses where the daemon goes on with the disk in a view of its own", async () => {
    const lost = await unmountUnder("ours");
    expect(lost.server.command("user", "add", "bob", "--host", SERVER)).toEqual({
      code: 1,
      out: "",
      err:
        `sallyport: Cannot change ${state}/keys.toml: the running daemon finds another file by that name, as where a disk was ` +
        `mounted or unmounted since it started: mount the disk of ${state} again, or start the daemon again if this folder is ` +
        "the right one; nothing was changed\n",
    });
    expect(existsSync(join(state, "keys.toml"))).toBe(false);
    await opensStill(lost);
  });
});
