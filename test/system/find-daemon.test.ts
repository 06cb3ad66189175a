/** Commands find the daemon that guards here, whatever its configuration names by now. */

import { afterAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { EXECUTABLE } from "../support/executable.ts";
import { GuardedServer } from "../support/guarded-server.ts";
import { Lab } from "../support/lab.ts";

const DOORS = `
[door.web]
opens = ["8080/tcp"]
users = ["alice"]
`;
const UNPRIVILEGED = [
  ...["setpriv", "--reuid=65533", "--regid=65533", "--clear-groups", "--no-new-privs"],
  ...["--inh-caps=-all,+net_raw,+net_admin", "--ambient-caps=-all,+net_raw,+net_admin"],
];

const lab = new Lab();
afterAll(() => lab[Symbol.dispose]());

test.each([
  ["root", []],
  ["the unit's user", UNPRIVILEGED],
] as const)("a changed [api].socket and state_dir hide no daemon of %s", async (_, as) => {
  await using server = new GuardedServer(lab, DOORS, { users: ["alice"], as });
  const own = "mkdir -p run && chown -R 65533 run state && chmod 755 . && chmod 644 config.toml";
  if (as.length > 0) lab.run("server", ["sh", "-c", `cd "${server.dir}" && ${own}`]);
  await server.start();
  const elsewhere = `${server.dir}/elsewhere.sock`;
  const text = readFileSync(server.config, "utf8")
    .replace(server.socket, elsewhere)
    .replace(`${server.dir}/state`, `${server.dir}/other`); // nor is the last good one there
  writeFileSync(server.config, text);
  const grants = [EXECUTABLE, "grants", "--json", "--config", server.config];
  const look = () => lab.run("server", grants, { mayFail: true });
  const found = look();
  expect(found.err).toContain(`Nobody listens on ${elsewhere}: using ${server.socket}`);
  expect(found.code).toBe(0);
  // Another namespace has no guard of its own.
  const client = lab.run("client", grants, { mayFail: true });
  expect(client.code).toBe(1);
  expect(client.err).toContain("nobody listens there");
  await server.stop();
  expect(look().err).toContain("nobody listens there");
});

test("neither a socket file that a killed daemon left nor a changed socket hides the daemon from user add", async () => {
  await using server = new GuardedServer(lab, DOORS, { users: ["alice"] });
  await server.start();
  const stale = `${server.dir}/stale.sock`;
  // Bound and closed without being unlinked, as after kill -9.
  lab.run("server", [
    "python3",
    "-c",
    `import socket; socket.socket(socket.AF_UNIX).bind("${stale}")`,
  ]);
  writeFileSync(server.config, readFileSync(server.config, "utf8").replace(server.socket, stale));
  const onServer = (...argv: string[]) =>
    lab.run("server", [EXECUTABLE, ...argv, "--config", server.config], { mayFail: true });
  const grants = onServer("grants");
  expect(grants.err).toContain(`Nobody listens on ${stale}: using ${server.socket}`);
  expect(grants.code).toBe(0);
  const added = onServer("user", "add", "bob", "--host", "10.77.0.1");
  expect(added.err).toContain(`Nobody listens on ${stale}: using ${server.socket}`);
  expect(added.code).toBe(0);
  expect(onServer("status").out).not.toContain("keys changed");
});
