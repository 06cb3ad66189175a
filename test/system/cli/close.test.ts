/** `sallyport close`: which grants a command line means, and that those end. */

import { expect, test } from "bun:test";
import { runCli, startDaemon } from "../../support/with-daemon.ts";
import { FakeControl } from "../../support/fake-control.ts";
import { StateFolder } from "../../support/store.ts";
import { controlApp } from "../../../src/api/control-app.ts";
import { bareApp } from "../../../src/api/health-app.ts";
import { grantsOf, readTarget, stillOpen } from "../../../src/cli/close.ts";
import { parsePrefix } from "../../../src/core/address.ts";
import { SallyportError } from "../../../src/core/errors.ts";
import type { Grant } from "../../../src/core/grant.ts";

const LEGACY = [{ proto: "tcp", from: 8443, to: 8443 }] as const;

function fill(control: FakeControl) {
  return {
    ssh: control.add({ door: "ssh", address: "203.0.113.9" }, 10_000),
    legacy: control.add({ door: "legacy", address: "203.0.113.9", ports: LEGACY }, 20_000),
    other: control.add({ door: "ssh", address: "203.0.113.10" }, 30_000),
    six: control.add({ door: "ssh", address: "2001:db8:0:1::/64" }, 40_000),
  };
}

test("close ID ends that grant and no other", async () => {
  await using daemon = await startDaemon();
  const { ssh } = fill(daemon.control);
  expect(await daemon.run("close", ssh.id)).toEqual({
    code: 0,
    out: "ssh is closed to 203.0.113.9\n",
    err: "",
  });
  expect([daemon.control.live.size, daemon.control.live.has(ssh.id)]).toEqual([3, false]);
});

test("close says who else holds a port open that it closed", () => {
  const of = (more: Partial<Grant>): Grant => ({
    id: "1f0c8a52d7",
    door: "ssh",
    address: "203.0.113.9",
    ports: [{ proto: "tcp", from: 22, to: 22 }],
    kind: "plain",
    via: "hand",
    openedMs: 0,
    expiresMs: 0,
    ...more,
  });
  const bobs = of({ via: "rotating", user: "bob", device: "phone" });
  const web = of({ door: "web", ports: [{ proto: "tcp", from: 80, to: 80 }] });
  expect(stillOpen([of({}), of({})], [bobs, web, of({ address: "203.0.113.10" })])).toEqual([
    "22/tcp stays open to 203.0.113.9 by another grant: ssh, bob/phone (sallyport close 1f0c8a52d7)",
  ]);
  expect(stillOpen([web], [bobs])).toEqual([]);
});

test("close DOOR ADDRESS ends that door's grant only", async () => {
  await using daemon = await startDaemon();
  const { legacy } = fill(daemon.control);
  const { out } = await daemon.run("close", "legacy", "203.0.113.9");
  expect(out).toBe("legacy is closed to 203.0.113.9\n");
  expect([daemon.control.live.size, daemon.control.live.has(legacy.id)]).toEqual([3, false]);
});

test("close ADDRESS ends all its grants, in the order of their ends", async () => {
  await using daemon = await startDaemon();
  const { other, six } = fill(daemon.control);
  const { out } = await daemon.run("close", "203.0.113.9");
  expect(out).toBe("ssh is closed to 203.0.113.9\nlegacy is closed to 203.0.113.9\n");
  expect([...daemon.control.live.keys()]).toEqual([other.id, six.id]);
});

test("close USER and close USER/DEVICE end what they opened, and nobody else's", async () => {
  await using daemon = await startDaemon();
  const { control } = daemon;
  const of = (device: string, address: string, user = "alice") =>
    control.add({ door: "ssh", address, via: "rotating", user, device });
  of("phone", "203.0.113.1");
  of("laptop", "203.0.113.2");
  const bob = of("phone", "203.0.113.3", "bob");
  expect(await daemon.run("close", "alice/phone")).toEqual({
    code: 0,
    out: "ssh is closed to 203.0.113.1\n",
    err: "",
  });
  expect((await daemon.run("close", "alice")).out).toBe("ssh is closed to 203.0.113.2\n");
  expect([...control.live.keys()]).toEqual([bob.id]);
});

test("close takes ten hexadecimal digits for a user where no grant has that id", async () => {
  await using daemon = await startDaemon();
  const { control } = daemon;
  control.add({ door: "ssh", address: "203.0.113.1", via: "rotating", user: "cafe012345" });
  expect((await daemon.run("close", "cafe012345")).out).toBe("ssh is closed to 203.0.113.1\n");
  expect(control.live.size).toBe(0);
});

test("close --json prints the grants it ended", async () => {
  await using daemon = await startDaemon();
  const { ssh, other } = fill(daemon.control);
  const { out } = await daemon.run("close", "ssh", "203.0.113.0/24", "--json");
  expect(JSON.parse(out)).toEqual([ssh, other]);
});

test.each([
  [
    ["Nonsense"],
    64,
    'Cannot close "Nonsense": it is neither a grant\'s id, nor an address, nor a user: write an id as sallyport grants shows it, an address, a user or a device such as alice/phone, or a door and an address',
  ],
  [
    ["alice/phone"],
    1,
    "Cannot close anything: alice/phone holds no door open: sallyport grants lists the holders",
  ],
  [
    ["ssh"],
    1,
    'Cannot close ssh: it is a door, and no user of that name holds one open: name the address as well, such as "sallyport close ssh 203.0.113.9"',
  ],
  [
    ["ssh", "nonsense"],
    64,
    'Cannot close "nonsense": it is not an address: write one such as 203.0.113.9',
  ],
  [
    ["fe80::1%wlan0"],
    64,
    'Cannot close "fe80::1%wlan0": the server knows it without an interface: write fe80::1',
  ],
  [
    ["0123456789"],
    1,
    "Cannot close 0123456789: no grant has this id, or it has just ended: sallyport grants lists those that live",
  ],
  [
    ["shh", "203.0.113.9"],
    1,
    'Cannot close "shh": no door has this name: write one of ssh, legacy',
  ],
  [
    ["legacy", "203.0.113.10"],
    1,
    "Cannot close anything: legacy is not open to 203.0.113.10: sallyport grants lists the open doors",
  ],
  [
    ["198.51.100.1"],
    1,
    "Cannot close anything: no door is open to 198.51.100.1: sallyport grants lists the open doors",
  ],
])("close %j ends nothing and says why", async (argv, code, sentence) => {
  await using daemon = await startDaemon();
  fill(daemon.control);
  expect(await daemon.run("close", ...argv)).toEqual({
    code,
    out: "",
    err: `sallyport: ${sentence}\n`,
  });
  expect(daemon.control.live.size).toBe(4);
});

test("close does not mind a grant that ends while it is at work", async () => {
  await using daemon = await startDaemon();
  const { control } = daemon;
  const { ssh } = fill(control);
  const close = control.close.bind(control);
  control.close = (id) => {
    control.live.delete(ssh.id);
    return close(id);
  };
  const { code, out } = await daemon.run("close", "203.0.113.9");
  expect([code, out]).toEqual([0, "legacy is closed to 203.0.113.9\n"]);
});

test("close tells what it ended before something failed", async () => {
  await using daemon = await startDaemon();
  const { control } = daemon;
  const { legacy } = fill(control);
  const close = control.close.bind(control);
  control.close = (id) => (id === legacy.id ? Promise.reject(new Error("broken")) : close(id));
  const { code, out, err } = await daemon.run("close", "203.0.113.9");
  expect([code, out]).toEqual([1, "ssh is closed to 203.0.113.9\n"]);
  expect(err).toBe("sallyport: The request failed inside the daemon: its log says why\n");
});

test("readTarget() takes ten hexadecimal digits for an id only where no address follows", () => {
  expect(readTarget("deadbeef01", undefined)).toEqual({ id: "deadbeef01" });
  expect(readTarget("deadbeef01", "::1")).toEqual({
    door: "deadbeef01",
    network: parsePrefix("::1")!,
  });
});

test.each([
  ["2001:db8:0:1::9", ["2001:db8:0:1::/64"]],
  ["2001:db8:0:2::9", []],
  ["2001:db8::/32", ["2001:db8:0:1::/64"]],
  ["0.0.0.0/0", ["203.0.113.9", "203.0.113.10"]],
  ["::/0", ["2001:db8:0:1::/64"]],
  ["203.0.113.8/31", ["203.0.113.9"]],
])("grantsOf() of %p finds %j", (network, addresses) => {
  const grant = {
    id: "",
    door: "ssh",
    ports: [],
    kind: "plain",
    via: "hand",
    openedMs: 0,
    expiresMs: 0,
  } as const;
  const grants = ["203.0.113.9", "203.0.113.10", "2001:db8:0:1::/64"].map((address) =>
    Object.assign({ address }, grant),
  );
  const found = grantsOf(grants, { network: parsePrefix(network)! });
  expect(found.map(({ address }) => address)).toEqual(addresses);
});

test.each([
  [["203.0.113.9"], "* 203.0.113.9"],
  [["ssh", "203.0.113.0/24"], "ssh 203.0.113.0/24"],
  [["alice"], "alice/*"],
  [["alice/phone"], "alice/phone"],
  [["0123456789"], "0123456789/*"],
])("close %j cuts the sessions whose grants are over, and says so", async (argv, whose) => {
  await using daemon = await startDaemon();
  const { control } = daemon;
  control.sessions = {
    cut: [
      { door: "ssh", address: "203.0.113.9", sessions: 1 },
      { door: "legacy", address: "203.0.113.9", sessions: 2 },
    ],
    unsearched: 3,
    spared: [],
  };
  const said =
    "Cut 1 session through ssh from 203.0.113.9: its grant was over already\n" +
    "Cut 2 sessions through legacy from 203.0.113.9: their grant was over already\n" +
    "Did not look for sessions at 3 places that were opened earlier: close them by their addresses\n";
  expect(await daemon.run("close", ...argv)).toEqual({ code: 0, out: said, err: "" });
  expect(control.calls).toEqual([`cutSessions ${whose}`]);
  const json = await daemon.run("close", ...argv, "--json");
  expect(json).toEqual({ code: 0, out: "[]\n", err: said });
});

test("close cuts sessions after the grants, and none where it ended one grant by its id", async () => {
  await using daemon = await startDaemon();
  const { control } = daemon;
  const { ssh, other } = fill(control);
  control.sessions = {
    cut: [{ door: "ssh", address: "203.0.113.9", sessions: 1 }],
    unsearched: 0,
    spared: [],
  };
  expect((await daemon.run("close", ssh.id)).out).toBe("ssh is closed to 203.0.113.9\n");
  expect(control.calls).toEqual([]);
  expect((await daemon.run("close", other.address)).out).toBe(
    "ssh is closed to 203.0.113.10\nCut 1 session through ssh from 203.0.113.9: its grant was over already\n",
  );
});

test("close fails where sessions cannot be found, and tells what it ended before", async () => {
  await using daemon = await startDaemon();
  const { control } = daemon;
  fill(control);
  control.refusal = new SallyportError("Cannot cut all sessions whose grants are over: no log");
  expect(await daemon.run("close", "ssh", "203.0.113.9")).toEqual({
    code: 1,
    out: "ssh is closed to 203.0.113.9\n",
    err: "sallyport: Cannot cut all sessions whose grants are over: no log\n",
  });
});

test("close does without the sessions where the daemon is of an earlier version", async () => {
  using folder = new StateFolder();
  const app = controlApp(new FakeControl());
  const unix = folder.file("control.sock");
  using _ = Bun.serve({
    unix,
    fetch: (request) =>
      new URL(request.url).pathname === "/v1/sessions/cut"
        ? bareApp({}).fetch(request)
        : app.fetch(request),
  });
  const { code, err } = await runCli(["close", "203.0.113.9", "--socket", unix]);
  expect([code, err]).toEqual([
    1,
    "sallyport: Cannot close anything: no door is open to 203.0.113.9: sallyport grants lists the open doors\n",
  ]);
});
