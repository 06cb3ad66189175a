/** P27: one daemon guards a network namespace, whoever looks, and however often. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { EXECUTABLE } from "../support/executable.ts";
import { CLIENT, Stage, webDoor } from "./stage.ts";
import { type Finding, finding, type Scale, type Trial } from "./trial.ts";

const NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
/** As the unit runs it. */
const UNPRIVILEGED = [
  ...["setpriv", "--reuid=65533", "--regid=65533", "--clear-groups", "--no-new-privs"],
  ...["--inh-caps=-all,+net_raw,+net_admin", "--ambient-caps=-all,+net_raw,+net_admin"],
];

/**
 * Everything that a local user without privilege can take: the health port, the abstract names that
 * a lock might have, netlink sockets under the numbers of later processes, and an nflog group, if
 * the kernel let him.
 */
const GRABBER = `
import os, socket, struct, time
held = []
def take(make):
    try: held.append(make())
    except OSError: pass
def abstract(name):
    s = socket.socket(socket.AF_UNIX); s.bind("\\0" + name); s.listen(); return s
def netlink(port):
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12); s.bind((port, 0)); return s
take(lambda: socket.create_server(("127.0.0.1", 7878)))
for name in ("sallyport.guard", "sallyport", "sallyport.lock"): take(lambda: abstract(name))
for port in range(os.getpid() + 1, os.getpid() + 400): take(lambda: netlink(port))
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12); s.bind((0, 0)); held.append(s)
attribute = struct.pack("=HHBxxx", 5, 1, 1)
s.send(struct.pack("=IHHII", 16 + 4 + len(attribute), (4 << 8) | 1, 5, 1, 0) + struct.pack("=BBH", 0, 0, socket.htons(0x5a11)) + attribute)
print("group %d" % struct.unpack_from("=i", s.recv(4096), 16)[0], flush=True)
time.sleep(600)
`;

async function oneDaemon(as: readonly string[], scale: Scale): Promise<Finding> {
  await using stage = await Stage.set(webDoor(), { as, start: false });
  const { lab, server } = stage;
  // The daemon's user owns the folders it works in, as systemd makes them.
  if (as.length > 0) {
    const { dir } = server;
    lab.run("server", [
      "sh",
      "-c",
      `cd "${dir}" && mkdir -p run && chown -R 65533 run state && chmod 755 .`,
    ]);
  }
  const grabber = lab.start("server", [...NOBODY, "python3", "-c", GRABBER]);
  const { value } = await grabber.stdout.getReader().read();
  const grabbed = new TextDecoder().decode(value).trim();
  await server.start();
  const looks = scale === "full" ? 100 : 4;
  let wrong = 0;
  for (let i = 0; i < looks; i++) {
    const done = lab.run("server", [EXECUTABLE, "doctor", "--json", "--config", server.config], {
      mayFail: true,
    });
    if (/No daemon runs|nothing is guarded/.test(done.out + done.err)) wrong++;
  }
  // Another port, socket and state folder: only the lock is in its way.
  const other = join(server.dir, "other.toml");
  writeFileSync(
    other,
    `[server]\nname = "other"\nstate_dir = "${server.dir}/other"\ninterfaces = ["eth0"]\n` +
      `[api]\nsocket = "${server.dir}/other.sock"\nlisten = "127.0.0.1:7979"\n` +
      `[door.old]\nopens = ["8080/tcp"]\nsequence = ["7000", "8500", "9000"]\n`,
  );
  const second = lab.run("server", [EXECUTABLE, "serve", "--config", other], { mayFail: true });
  const removed = lab.run("server", [EXECUTABLE, "firewall", "remove"], { mayFail: true });
  await stage.roomInSlot(3_000);
  await stage.wire.knock("client", stage.knocks(CLIENT));
  await server.waitForLog(/Opened web/);
  const held =
    grabbed === "group -1" &&
    wrong === 0 &&
    second.code === 1 &&
    second.err.includes("another sallyport guards this machine") &&
    removed.code === 1 &&
    removed.err.includes("a sallyport daemon");
  return finding(
    held,
    `started and opened; ${looks} looks of doctor, ${wrong} of them wrong; a second serve: exit ${second.code}; ` +
      `firewall remove: exit ${removed.code}; the lock taken by nobody: ${grabbed === "group -1" ? "refused" : grabbed}`,
  );
}

export const trials: readonly Trial[] = [
  {
    promise: "P27",
    attack:
      "a local user takes every name he can, doctor looks again and again, the daemon is root's",
    play: (scale) => oneDaemon([], scale),
  },
  {
    promise: "P27",
    attack: "the same with the unprivileged daemon of the unit",
    play: (scale) => oneDaemon(UNPRIVILEGED, scale),
  },
];
