/** OpenSSH behind the guard: living sessions stay, new ones need a knock. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GuardedServer } from "../support/guarded-server.ts";
import { type Host, Lab } from "../support/lab.ts";
import { run, spawn } from "../support/programs.ts";

const DOORS = `
[door.ssh]
opens = ["22/tcp"]
users = ["alice"]
open_for = "2s"
`;

describe("an ssh session", () => {
  let lab: Lab;
  let server: GuardedServer;
  const dir = mkdtempSync(join(tmpdir(), "sallyport-ssh-"));

  /** A shell on the server over ssh; `say` runs one command in it and returns its output. */
  function openShell(host: Host = "client") {
    const child = spawn(
      ["ip", "netns", "exec", lab.namespace(host), "ssh", ...sshOptions(), "root@10.77.0.1", "sh"],
      { stdin: "pipe", stdout: "pipe", stderr: "pipe" },
    );
    const reader = child.stdout.getReader();
    let heard = "";
    const say = async (command: string) => {
      const marker = `done-${Math.random()}`;
      void child.stdin.write(`${command}; echo ${marker}\n`);
      await child.stdin.flush();
      while (!heard.includes(marker)) {
        const { done, value } = await reader.read();
        if (done) throw new Error(`ssh ended: ${await new Response(child.stderr).text()}`);
        heard += new TextDecoder().decode(value);
      }
      const answer = heard.slice(0, heard.indexOf(marker)).trim();
      heard = "";
      return answer;
    };
    return { say, [Symbol.dispose]: () => child.kill("SIGKILL") };
  }

  function sshOptions(): string[] {
    return [
      ...["-i", join(dir, "id"), "-F", "none"],
      ...["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"],
      ...["-o", "ConnectTimeout=3", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR"],
    ];
  }

  let early: ReturnType<typeof openShell>;

  beforeAll(async () => {
    lab = new Lab();
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", join(dir, "id")]);
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", join(dir, "host")]);
    mkdirSync("/run/sshd", { recursive: true });
    lab.run("server", [
      ...["/usr/sbin/sshd", "-f", "/dev/null", "-h", join(dir, "host")],
      ...["-o", `AuthorizedKeysFile=${join(dir, "id.pub")}`, "-o", "StrictModes=no"],
      ...["-o", "PermitRootLogin=yes", "-o", "PidFile=none", "-o", "UsePAM=no"],
      // Bash reads ~/.bashrc for commands of ssh, and that of this machine may take its time.
      ...["-o", `SetEnv=HOME=${dir}`],
    ]);
    // From another host than the others: closing by hand there must not touch it.
    early = openShell("stranger");
    expect(await early.say("echo before")).toBe("before");
    expect(lab.run("server", ["conntrack", "-L"], { mayFail: true }).out).not.toContain("dport=22");
    server = await new GuardedServer(lab, DOORS, { users: ["alice"] }).start();
  });

  afterAll(async () => {
    early?.[Symbol.dispose]();
    await server?.[Symbol.asyncDispose]();
    lab?.[Symbol.dispose]();
    rmSync(dir, { recursive: true, force: true });
  });

  test("that was idle before the guard went up lives on, on a kernel that tracked no connections", async () => {
    expect(server.log).toContain("1 living session kept");
    expect(await early.say("echo after")).toBe("after");

    const refused = lab.run("client", ["ssh", ...sshOptions(), "root@10.77.0.1", "true"], {
      mayFail: true,
    });
    expect(refused.err).toContain("Connection refused");
  });

  test("survives the end of its grant, and a new one is refused", async () => {
    const from = server.log.length;
    expect(server.knock("client", server.link("alice", "ssh"))).toMatchObject({ code: 0 });
    using shell = openShell();
    expect(await shell.say("echo inside")).toBe("inside");
    await server.waitForLog(/Closed ssh to 10\.77\.0\.2: its time is over/, from);
    expect(await shell.say("echo still inside")).toBe("still inside");
    const refused = lab.run("client", ["ssh", ...sshOptions(), "root@10.77.0.1", "true"], {
      mayFail: true,
    });
    expect(refused.err).toContain("Connection refused");
  });

  test("ends at once when its grant is closed by hand", async () => {
    const opened = server.command("open", "ssh", "10.77.0.2", "--for", "60s");
    expect(opened).toMatchObject({ code: 0 });
    using shell = openShell();
    expect(await shell.say("echo inside")).toBe("inside");
    expect(server.command("close", "ssh", "10.77.0.2")).toMatchObject({ code: 0 });
    const answer = shell.say("echo not any more").catch((error: unknown) => String(error));
    expect(await answer).toMatch(/ssh ended|EPIPE/);
  });
});
