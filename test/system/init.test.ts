/** `sallyport init` on a server with systemd: from nothing to the first knock, and again. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BootedHost } from "../support/booted-host.ts";
import { EXECUTABLE } from "../support/executable.ts";
import { Lab } from "../support/lab.ts";
import { probe, startEcho } from "../support/service.ts";
import { Session } from "../support/session.ts";

const LIMIT_MS = 90_000;
const SERVER = "10.77.0.1";
const CONFIG = "/etc/sallyport/config.toml";
const ALL = ["init", "--yes", "--guard", "2222/tcp", "--user", "alice", "--host", SERVER];

let lab: Lab;
let server: BootedHost;
const home = mkdtempSync(join(tmpdir(), "sallyport-init-home-"));

beforeAll(async () => {
  lab = new Lab();
  await startEcho(lab, "server", 2222);
  server = await BootedHost.boot(lab);
}, LIMIT_MS);
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  lab?.[Symbol.dispose]();
  rmSync(home, { recursive: true });
});

/** As before the first run. */
afterEach(() => {
  const undo = [
    "systemctl stop sallyport",
    "systemctl disable -q sallyport sallyport-guard",
    "sallyport firewall remove",
    "sallyport service remove",
    "sallyport firewall uninstall",
    "rm -rf /etc/sallyport /var/lib/sallyport",
  ];
  for (const command of undo) server.run(["sh", "-c", command], { mayFail: true });
}, LIMIT_MS);

const sallyport = (...argv: string[]) => server.run(["sallyport", ...argv], { mayFail: true });

/** The times of the files that a first run wrote. */
function times(): string {
  const files = `${CONFIG} /var/lib/sallyport/keys.toml /etc/systemd/system/sallyport*.service`;
  return server.run(["sh", "-c", `stat -c '%n %y' ${files}`], { mayFail: true }).out;
}

function knock(link: string) {
  const argv = ["env", `HOME=${home}`, EXECUTABLE, "knock", "-", "--timeout", "20s"];
  return lab.run("client", argv, { input: link, mayFail: true });
}

test(
  "sets up a server that a knock opens, for good once that is proved",
  async () => {
    const check = sallyport("init", "--check", ...ALL.slice(2));
    expect(check.code).toBe(1);
    expect(check.err).toContain("make a key for alice");
    expect(server.run(["ls", CONFIG], { mayFail: true }).code).not.toBe(0);

    const { code, out: link, err } = sallyport(...ALL);
    expect([code, err]).toEqual([0, expect.stringContaining("Guarding 2222/tcp from now on")]);
    expect(probe(lab, "client", SERVER, 2222)).not.toBe("open");
    expect(knock(link).code).toBe(0);
    using _ = await Session.open(lab, "client", SERVER, 2222);
    expect(sallyport("confirm").out).toContain("the guard is permanent");
    for (const unit of ["sallyport", "sallyport-guard"]) {
      expect(server.run(["systemctl", "is-enabled", unit]).out.trim()).toBe("enabled");
    }
  },
  LIMIT_MS,
);

test(
  "is not content with a configuration that somebody else could have written, and neither is the service",
  () => {
    expect(sallyport(...ALL).code).toBe(0);
    expect(sallyport("confirm", "--force").code).toBe(0);
    server.run(["chown", "nobody", CONFIG]);
    const trust = `Cannot trust ${CONFIG}: it belongs to uid 65534, and `;
    expect(sallyport("init", "--check")).toMatchObject({
      code: 78,
      err: expect.stringContaining(`${trust}root would run the commands in it`),
    });
    expect(sallyport("doctor").out).toContain(`${trust}root would run the commands in it`);
    expect(server.run(["systemctl", "reload", "sallyport"], { mayFail: true }).code).toBe(1);
    server.run(["systemctl", "restart", "sallyport"]);
    expect(sallyport("status").out).toContain(`${trust}the daemon would run the commands in it`);
    expect(probe(lab, "client", SERVER, 2222)).not.toBe("open");

    server.run(["chown", "sallyport", CONFIG]);
    server.run(["systemctl", "reload", "sallyport"]);
    expect(sallyport("status").out).not.toContain("Cannot trust");
    expect(sallyport("init", "--check").code).toBe(0);
    server.run(["systemctl", "restart", "sallyport", "sallyport-guard"]);
    expect(sallyport("status").out).not.toContain("Cannot trust");
  },
  LIMIT_MS,
);

test(
  "run again changes nothing, and shows no link",
  () => {
    expect(sallyport(...ALL).code).toBe(0);
    const before = times();
    for (const argv of [ALL, ["init", "--yes"], ["init", "--check"]]) {
      const { code, out, err } = sallyport(...argv);
      expect([code, out, err]).toEqual([0, "", expect.stringContaining("nothing is left to do")]);
    }
    expect(times()).toBe(before);
  },
  LIMIT_MS,
);

test(
  "goes on where an earlier run was broken off, with the keys there are",
  () => {
    expect(sallyport(...ALL, "--no-start").code).toBe(0);
    expect(probe(lab, "client", SERVER, 2222)).toBe("open");
    server.run(["rm", CONFIG]);
    const { code, out, err } = sallyport(...ALL);
    expect([code, out]).toEqual([0, ""]);
    expect(err).toContain("alice has a key already");
    expect(probe(lab, "client", SERVER, 2222)).not.toBe("open");
  },
  LIMIT_MS,
);

test(
  "takes the place of a package's example, and of nothing that anybody wrote",
  () => {
    const example = readFileSync("config.toml", "utf8");
    const put = (text: string) =>
      server.run(["sh", "-c", `mkdir -p /etc/sallyport; cat > ${CONFIG}`], { input: text });
    put(example);
    expect(sallyport("init", "--check", ...ALL.slice(2)).err).toContain("in place of the example");
    expect(sallyport(...ALL, "--no-start").code).toBe(0);
    expect(server.run(["cat", CONFIG]).out).toContain('users = ["alice"]');
    put(`${example}# mine\n`);
    expect(sallyport(...ALL, "--no-start").err).toContain("there is a configuration already");
    expect(server.run(["cat", CONFIG]).out).toBe(`${example}# mine\n`);
  },
  LIMIT_MS,
);

test(
  "a state folder with a blank in its path is one folder, and no other one is given away",
  () => {
    const input =
      `[server]\nhost = "${SERVER}"\nstate_dir = "/srv/My Disk/sallyport"\n` +
      `[door.ssh]\nopens = ["2222/tcp"]\nusers = ["alice"]\n`;
    server.run(["mkdir", "-p", "/etc/sallyport", "/srv/My", "/srv/My Disk", "/Disk/sallyport"]);
    server.run(["sh", "-c", `cat > ${CONFIG}`], { input });
    const { code, err } = sallyport(...ALL);
    const owners = ["/srv/My", "/Disk/sallyport", "/srv/My Disk/sallyport/keys.toml"];
    const { out } = server.run(["stat", "-c", "%U %a", ...owners]);
    server.run(["rm", "-r", "/srv/My", "/srv/My Disk", "/Disk"]);
    expect([code, err]).toEqual([0, expect.stringContaining("Guarding 2222/tcp from now on")]);
    expect(out).toBe("root 755\nroot 755\nsallyport 600\n");
  },
  LIMIT_MS,
);

test(
  "unless somebody confirms, the port opens again by itself",
  async () => {
    expect(sallyport(...ALL, "--probation", "5s").code).toBe(0);
    const end = Date.now() + 30_000;
    while (probe(lab, "client", SERVER, 2222) !== "open") expect(Date.now()).toBeLessThan(end);
  },
  LIMIT_MS,
);

describe("refuses, and changes nothing:", () => {
  const TOLD = ["init", "--yes", "--user", "alice", "--host", SERVER];
  test.each([
    ["no port to hide", ["init", "--yes"], 64, 'nobody to ask "Which ports shall be hidden?"'],
    ["a word that is no port", ["init", "--yes", "--guard", "ssh"], 64, '"ssh" is no port'],
    [
      "a port twice",
      [...TOLD, "--guard", "22,22/tcp"],
      64,
      'Cannot set up: opens[1] is "22/tcp", part',
    ],
    ["nobody who says yes", ["init", "--guard", "2222"], 64, "give --yes; nothing was changed"],
    ["a probation of no length", [...ALL, "--probation", "soon"], 64, "is not a duration"],
  ])(
    "%s",
    (_, argv, code, says) => {
      const refused = sallyport(...argv);
      expect([refused.code, refused.out]).toEqual([code, ""]);
      expect(refused.err).toContain(says);
      expect(server.run(["ls", CONFIG], { mayFail: true }).code).not.toBe(0);
    },
    LIMIT_MS,
  );

  test(
    "what the configuration that stands does not say",
    () => {
      expect(sallyport(...ALL, "--no-start").code).toBe(0);
      const before = times();
      for (const [more, says] of [
        [["--guard", "443"], "it does not guard 443/tcp"],
        [["--user", "bob"], "no door for 2222/tcp names bob"],
      ] as const) {
        const refused = sallyport("init", "--yes", ...more);
        expect([refused.code, refused.out]).toEqual([78, ""]);
        expect(refused.err).toContain(says);
      }
      expect(times()).toBe(before);
    },
    LIMIT_MS,
  );

  test(
    "a server that another configuration guards",
    () => {
      expect(sallyport(...ALL).code).toBe(0);
      server.run(["mv", "/etc/sallyport", "/etc/elsewhere"]);
      const refused = sallyport(...ALL);
      server.run(["mv", "/etc/elsewhere", "/etc/sallyport"]);
      expect([refused.code, refused.out]).toEqual([1, ""]);
      expect(refused.err).toContain("guards this machine already");
    },
    LIMIT_MS,
  );

  test(
    "a user without rights",
    () => {
      const argv = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sallyport"];
      const refused = server.run([...argv, ...ALL], { mayFail: true });
      expect([refused.code, refused.out]).toEqual([77, ""]);
    },
    LIMIT_MS,
  );
});
