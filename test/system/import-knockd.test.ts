/**
 * The same knocks of knockd's own client, under knockd and under sallyport with the configuration
 * from knockd's file.
 */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { EXECUTABLE } from "../support/executable.ts";
import { GuardedServer } from "../support/guarded-server.ts";
import { Lab } from "../support/lab.ts";
import { PeerDaemon, waitFor } from "../support/peer-daemon.ts";
import { run } from "../support/programs.ts";
import { probe, startEcho } from "../support/service.ts";

/** Debian's own file with other ports, and a command that tells when it was done. */
function knockdConf(dir: string): string {
  return `[options]
	UseSyslog
	Interface = eth0

[openWeb]
	sequence    = 7000,8000:udp,9000
	seq_timeout = 5
	command     = /usr/sbin/iptables -w -I INPUT -s %IP% -p tcp --dport 8443 -j ACCEPT && echo opened >> ${dir}/done
	tcpflags    = syn

[closeWeb]
	sequence    = 9000,8000:udp,7000
	seq_timeout = 5
	command     = /usr/sbin/iptables -w -D INPUT -s %IP% -p tcp --dport 8443 -j ACCEPT && echo closed >> ${dir}/done
	tcpflags    = syn

[wake]
	sequence    = 25565
	command     = /usr/bin/touch ${dir}/woken-%IP%
	tcpflags    = syn
`;
}

class StockKnockd extends PeerDaemon {
  async start(config: string): Promise<this> {
    const shut = "-A INPUT -p tcp --dport 8443 -j REJECT --reject-with tcp-reset";
    this.lab.run("server", ["iptables", ...shut.split(" ")]);
    this.child = this.lab.start("server", ["knockd", "-v", "-c", config]);
    await waitFor(this.child.stdout, /listening on/);
    return this;
  }

  kill(): void {
    this.killNamed("knockd");
    this.lab.run("server", ["iptables", "-F", "INPUT"]);
  }
}

describe("sallyport import knockd", () => {
  const dir = mkdtempSync(join(tmpdir(), "sallyport-import-"));
  const conf = join(dir, "knockd.conf");
  const toml = join(dir, "config.toml");
  let lab: Lab;

  beforeAll(async () => {
    lab = new Lab();
    writeFileSync(conf, knockdConf(dir));
    await startEcho(lab, "server", 8443);
  });

  afterAll(() => {
    lab?.[Symbol.dispose]();
    rmSync(dir, { recursive: true, force: true });
  });

  const knock = (...ports: string[]) => lab.run("client", ["knock", "10.77.0.1", ...ports]);

  /** Waits until a command of a daemon has left something in the folder. */
  async function left(name: string, pattern = /^/): Promise<void> {
    for (const deadline = Date.now() + 10_000; Date.now() < deadline; await Bun.sleep(20)) {
      const text = await Bun.file(join(dir, name))
        .text()
        .catch(() => undefined);
      if (text !== undefined && pattern.test(text)) return;
    }
    throw new Error(`${name} never said ${pattern}`);
  }

  test("opens to the same knocks under knockd and, with the imported file, under sallyport", async () => {
    using knockd = await new StockKnockd(lab).start(conf);
    expect(probe(lab, "client", "10.77.0.1", 8443)).toBe("refused");
    knock("7000", "8000:udp", "9000");
    await left("done", /opened/);
    expect(probe(lab, "client", "10.77.0.1", 8443)).toBe("open");
    expect(probe(lab, "stranger", "10.77.0.1", 8443)).toBe("refused");
    knock("9000", "8000:udp", "7000");
    await left("done", /closed/);
    expect(probe(lab, "client", "10.77.0.1", 8443)).toBe("refused");
    knock("25565");
    await left("woken-10.77.0.2");
    knockd.kill();
    rmSync(join(dir, "woken-10.77.0.2"));

    const done = run([EXECUTABLE, "import", "knockd", conf, "--output", toml], { mayFail: true });
    expect(done).toMatchObject({ code: 0, out: "" });
    expect(done.err).toContain(`${conf}:11: [closeWeb]: converted: close_sequence of [door.web]`);
    expect(run([EXECUTABLE, "check", "--config", toml]).out).toContain("25565/tcp");
    const doors = readFileSync(toml, "utf8").replace(/^\[server\]\n.*\n/m, "");
    await using server = await new GuardedServer(lab, doors).start();

    expect(probe(lab, "client", "10.77.0.1", 8443)).toBe("refused");
    knock("7000", "8000:udp", "9000");
    await server.waitForLog(/Opened web/);
    expect(probe(lab, "client", "10.77.0.1", 8443)).toBe("open");
    expect(probe(lab, "stranger", "10.77.0.1", 8443)).toBe("refused");
    knock("9000", "8000:udp", "7000");
    await server.waitForLog(/Closed web/);
    expect(probe(lab, "client", "10.77.0.1", 8443)).toBe("refused");
    knock("25565");
    await left("woken-10.77.0.2");
  });

  test("leaves a file alone that is there, and says what became of its input otherwise", () => {
    writeFileSync(join(dir, "mine.toml"), "mine");
    const there = [EXECUTABLE, "import", "knockd", conf, "--output", join(dir, "mine.toml")];
    expect(run(there, { mayFail: true })).toMatchObject({
      code: 1,
      out: "",
      err: `sallyport: Cannot write ${dir}/mine.toml: it exists: move it away, or name another file\n`,
    });
    expect(readFileSync(join(dir, "mine.toml"), "utf8")).toBe("mine");
    expect(statSync(conf).size).toBe(knockdConf(dir).length);
  });

  test("reads standard input, and prints the configuration alone on standard output", () => {
    const input = "[ssh]\nsequence = 1,3\ncommand = ufw allow 22/tcp\n";
    const done = run([EXECUTABLE, "import", "knockd", "-"], { mayFail: true, input });
    expect(done.code).toBe(0);
    expect(done.out).toContain('[door.ssh]\nopens = ["22/tcp"]\nsequence = ["1", "3"]\n');
    expect(done.out).toContain("\nweak = true\n");
    expect(done.err).toContain("standard input:1: [ssh]: converted: [door.ssh]\n");
  });

  test("says how to go on where the program is left out, or the folder of the output is not there", () => {
    const said = (...argv: string[]) => run([EXECUTABLE, "import", ...argv], { mayFail: true }).err;
    expect(said("/etc/knockd.conf")).toBe(
      'sallyport: Cannot import "/etc/knockd.conf": it is not a program known here: write "sallyport import knockd FILE"\n',
    );
    expect(said("knockd", conf, "--output", join(dir, "no/config.toml"))).toBe(
      `sallyport: Cannot write ${dir}/no/config.toml: its folder does not exist: make it, or name another file\n`,
    );
  });

  test.each([
    [["nothing.conf"], 1, "Cannot import nothing.conf: it does not exist: name a knockd.conf"],
    [
      [resolve(import.meta.dir, "../../config.toml")],
      78,
      `Cannot import ${resolve(import.meta.dir, "../../config.toml")}: it has no section of knockd: name a knockd.conf`,
    ],
    [["/dev/null"], 1, "Cannot import /dev/null: it is not a regular file"],
    [
      ["-", "--defaults", "nothing"],
      1,
      "Cannot read the options of knockd in nothing: it does not exist: name the file that starts it, mostly /etc/default/knockd, or leave out --defaults",
    ],
    [
      ["-", "--defaults", "/dev/null"],
      1,
      "Cannot read the options of knockd in /dev/null: it is not a regular file: name the file that",
    ],
    [["-", "--defaults", "-"], 64, "Cannot import standard input: --defaults names it as well"],
    [["-"], 78, "Cannot import standard input: it has no section of knockd: name a knockd.conf"],
  ])("refuses %p", (argv, code, says) => {
    const done = run([EXECUTABLE, "import", "knockd", ...argv], { mayFail: true, input: "" });
    expect(done).toMatchObject({ code, out: "" });
    expect(done.err).toStartWith(`sallyport: ${says}`);
  });

  test("exits with 1 and says what is to be decided where check would refuse the result", () => {
    const input = "[a]\nsequence = 22,3,2\ncommand = ufw allow 22/tcp\n";
    const done = run([EXECUTABLE, "import", "knockd", "-"], { mayFail: true, input });
    expect(done.code).toBe(1);
    expect(done.err).toMatch(
      /^To decide: config\.toml:\d+: door\.a\.sequence\[0\] is 22\/tcp, which door\.a opens/m,
    );
  });
});
