/** Many knockers at once: everybody with a right knock gets in, whoever else is knocking. */

import { expect, test } from "bun:test";
import { GuardedServer } from "../support/guarded-server.ts";
import { portsOf, sendKnocks } from "../support/knocks.ts";
import { Lab } from "../support/lab.ts";

const CLIENTS = 50;

test("50 addresses with right knocks that overlap all get in", async () => {
  using lab = new Lab();
  const users = Array.from({ length: CLIENTS }, (_, i) => `user${i}`);
  const doors = `
[door.web]
opens = ["8080/tcp"]
users = ${JSON.stringify(users)}
open_for = "1m"

[door.legacy]
opens = ["8443/tcp"]
sequence = ["7000", "8000/udp", "9000"]
open_for = "1m"
`;
  await using server = await new GuardedServer(lab, doors, { users }).start();
  const addresses = users.map((_, i) => `10.77.2.${i + 1}`);
  for (const address of addresses) lab.addAddress("client", "eth0", `${address}/16`);

  const ports = users.map((user) => portsOf(server.link(user, "web")));
  const rounds = ports[0]!.map((_, round) =>
    addresses.map((from, i) => ({ from, to: "10.77.0.1", port: ports[i]![round]! })),
  );
  const fixed = (
    [
      ["tcp", 7000],
      ["udp", 8000],
      ["tcp", 9000],
    ] as const
  ).map(([proto, port]) => addresses.map((from) => ({ from, to: "10.77.0.1", port, proto })));
  sendKnocks(lab, "client", rounds.flat());
  sendKnocks(lab, "client", fixed.flat());
  for (const address of addresses) {
    await server.waitForLog(new RegExp(`Opened web .* to ${address.replaceAll(".", "\\.")} `));
    await server.waitForLog(new RegExp(`Opened legacy .* to ${address.replaceAll(".", "\\.")} `));
  }
  expect(server.log.match(/Opened web/g)).toHaveLength(CLIENTS);
  expect(server.log.match(/Opened legacy/g)).toHaveLength(CLIENTS);
}, 60_000);
