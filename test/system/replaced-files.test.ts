/**
 * An upgrade under the running daemon: its executable and its libraries are replaced, and it goes
 * on.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { EXECUTABLE } from "../support/executable.ts";
import { GuardedServer } from "../support/guarded-server.ts";
import { Lab } from "../support/lab.ts";
import { run } from "../support/programs.ts";
import { probe, startEcho } from "../support/service.ts";

const LIBRARIES = ["libpcap.so.0.8", "libnftables.so.1", "libnftnl.so.11", "libmnl.so.0"];

const door = (more = "") => `
[door.web]
opens = ["8080/tcp"]
users = ["alice"]
open_for = "2s"
${more}
`;

let lab: Lab;
let server: GuardedServer;
/** Copies of the executable and of its libraries, from which this daemon runs. */
const folder = mkdtempSync(join(tmpdir(), "sallyport-replaced-"));
const executable = join(folder, "sallyport");

/** Where the dynamic linker finds a library. */
function systemPath(soname: string): string {
  const found = new RegExp(`^\\s*${soname.replaceAll(".", "\\.")} .*=> (\\S+)$`, "m").exec(
    run(["ldconfig", "-p"]).out,
  );
  return found![1]!;
}

/**
 * Like package managers: another file takes the name, and a process with the old one open keeps it.
 */
function replace(path: string): void {
  writeFileSync(`${path}.new`, "what an upgrade left half-way\n", { mode: 0o755 });
  renameSync(`${path}.new`, path);
}

beforeAll(async () => {
  lab = new Lab();
  await startEcho(lab, "server", 8080);
  chmodSync(folder, 0o755);
  copyFileSync(EXECUTABLE, executable);
  for (const soname of LIBRARIES) copyFileSync(systemPath(soname), join(folder, soname));
  // In the place of the executable that follows, which "shift" drops.
  const copy = ["sh", "-c", 'shift; exec "$0" "$@"', executable];
  const as = ["env", `LD_LIBRARY_PATH=${folder}`, ...copy];
  server = await new GuardedServer(lab, door(), { users: ["alice"], as }).start();
}, 60_000);

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  lab?.[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
});

test("the daemon opens, repairs, reloads and starts commands after all of them were replaced", async () => {
  const mapped = readFileSync(`/proc/${server.pid}/maps`, "utf8");
  for (const file of [executable, ...LIBRARIES.map((name) => join(folder, name))]) {
    if (basename(file) !== "libmnl.so.0") expect(mapped).toContain(file);
    replace(file);
  }
  const link = server.link("alice", "web");
  const knocked = server.log.length;
  expect(server.knock("client", link)).toMatchObject({ code: 0 });

  let from = server.log.length;
  lab.run("server", ["nft", "flush", "ruleset"]);
  await server.waitForLog(/Repaired the guard/, from);
  expect(probe(lab, "stranger", "10.77.0.1", 8080)).toBe("refused");

  // Parts that start only now: a thread that runs commands, a capture on another interface, the
  // rules of others.
  const opened = join(server.dir, "opened");
  server.writeConfig(door(`run = { open = ["/usr/bin/touch", "${opened}"] }`));
  expect(server.command("reload", "--yes")).toMatchObject({ code: 0 });
  lab.run("server", ["ip", "link", "set", "eth0", "down"]);
  lab.run("server", ["ip", "link", "set", "eth0", "up"]);
  expect(server.command("why", "10.77.0.3").out).toContain("10.77.0.3");
  // A command runs when the first holder opens the door to an address.
  await server.waitForLog(/Closed web/, knocked);
  from = server.log.length;
  expect(server.command("open", "web", "10.77.0.2")).toMatchObject({ code: 0 });
  await server.waitForLog(/Ran \/usr\/bin\/touch for web/, from, 20_000);
  expect(existsSync(opened)).toBe(true);
  expect((await server.control("/readyz")).status).toBe(200);
  expect(await server.stop()).toBe(0);
}, 60_000);
