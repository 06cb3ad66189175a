/** OpenSSH reaches a guarded sshd through `sallyport proxy`, with the lines of `ssh-config`. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EXECUTABLE } from "../support/executable.ts";
import { run } from "../support/programs.ts";
import { ProxyLab } from "../support/proxy-lab.ts";
import { until } from "../support/until.ts";

// A slot may have to end first, and twenty sessions at once take a busy computer a while.
setDefaultTimeout(180_000);

describe.each(["drop", "reset"] as const)("where closed ports answer with a %s", (deny) => {
  let lab: ProxyLab;
  beforeAll(async () => {
    lab = await new ProxyLab(deny).start();
  });
  afterAll(() => lab?.[Symbol.asyncDispose]());

  test("ssh knocks, logs in and takes the connection over: no process stays, and the session outlives its grant", async () => {
    using client = lab.client(lab.link("brief"));
    const from = lab.server.log.length;
    using session = client.shell();
    expect(await session.say("echo $SSH_CONNECTION")).toMatch(/^10\.77\.0\.2 \d+ 10\.77\.0\.1 22$/);
    expect(client.proxies()).toEqual([]);
    await lab.server.waitForLog(/Closed brief to 10\.77\.0\.2: its time is over/, from);
    expect(await session.say("echo still in")).toBe("still in");
    expect([client.slots().length, lab.openings]).toEqual([1, 1]);
  });

  test("20 sessions that start at once share one knock", async () => {
    using client = lab.client();
    const sessions = Array.from({ length: 20 }, (_, i) =>
      client.start("ssh", "-F", client.config, "home", "echo", `in ${i}`),
    );
    const said = await Promise.all(sessions.map(({ stdout }) => new Response(stdout).text()));
    expect(said).toEqual(sessions.map((_, i) => `in ${i}\n`));
    expect([client.slots().length, lab.openings]).toEqual([1, 1]);
  });

  test("a wrong key fails with the sentence of knock, and ssh ends", () => {
    using client = lab.client(lab.link().replace(/key=\w+/, `key=${"a".repeat(52)}`));
    client.write(client.lines().replace("%h %p", "--tries 2 --timeout 300ms %h %p"));
    const { code, err } = client.ssh("home", "true");
    expect(code).toBe(255);
    expect(err).toMatch(
      /^sallyport: Cannot (open|reach) ssh on 10\.77\.0\.1: 2 knocks sent and 22/,
    );
    expect(err).toContain('on the server, "sallyport why"');
  });
});

describe("sallyport proxy under ssh", () => {
  let lab: ProxyLab;
  beforeAll(async () => {
    lab = await new ProxyLab("drop").start();
  });
  afterAll(() => lab?.[Symbol.asyncDispose]());

  test("without ProxyUseFdpass it carries the bytes, and ends with ssh", async () => {
    using client = lab.client();
    using session = client.pipeOnly().shell();
    expect(await session.say("echo in")).toBe("in");
    expect(client.proxies().length).toBe(1);
    session.child.kill("SIGKILL");
    await session.child.exited;
    await until(() => client.proxies().length === 0);
  });

  test("a session whose server dies ends, and the proxy with it", async () => {
    using client = lab.client();
    using session = client.pipeOnly().shell();
    // Heard first: a server that is killed takes along what it has not sent.
    expect(await session.say("echo early")).toBe("early");
    void session.child.stdin.write("kill -9 $PPID\n");
    await session.child.stdin.flush();
    expect(await session.child.exited).toBe(255);
    await until(() => client.proxies().length === 0);
  });

  test("an open port is not knocked on", async () => {
    using client = lab.client();
    lab.server.command("open", "ssh", "10.77.0.2", "--for", "20s");
    expect(client.ssh("home", "echo", "in")).toEqual({ code: 0, out: "in\n", err: "" });
    expect(client.slots()).toEqual([]);
  });

  test("a door of one connection lets in the connection that ssh uses", async () => {
    using client = lab.client(lab.link("single"));
    const from = lab.server.log.length;
    expect(client.ssh("home", "echo", "in")).toEqual({ code: 0, out: "in\n", err: "" });
    await lab.server.waitForLog(/Opened single/, from);
    expect(client.slots().length).toBe(1);
  });

  test.each([true, false])("scp and rsync carry files both ways (ProxyUseFdpass %p)", (pass) => {
    using client = lab.client();
    if (!pass) client.pipeOnly();
    const [here = "", there = "", back = ""] = ["here", "there", "back"].map((name) =>
      join(client.home, name),
    );
    run(["sh", "-c", `head -c 8388608 /dev/urandom > ${here}`]);
    const sum = Bun.SHA256.hash(readFileSync(here), "hex");
    const remote = `home:${there}`;
    for (const copy of [
      ["scp", "-qF", client.config],
      ["rsync", "-e", `ssh -F ${client.config}`],
    ]) {
      for (const file of [there, back]) rmSync(file, { force: true });
      expect(client.run(...copy, here, remote)).toMatchObject({ code: 0 });
      expect(client.run(...copy, remote, back)).toMatchObject({ code: 0 });
      expect(Bun.SHA256.hash(readFileSync(back), "hex")).toBe(sum);
    }
  });

  test("a second session over a ControlMaster needs no knock, whatever the door", async () => {
    using client = lab.client(lab.link("brief"));
    client.write(`${client.lines()}\nHost *\n  ControlPath ${client.home}/mux\n`);
    const from = lab.server.log.length;
    using master = client.shell("-o", "ControlMaster=yes");
    expect(await master.say("echo in")).toBe("in");
    await lab.server.waitForLog(/Closed brief to 10\.77\.0\.2: its time is over/, from);
    expect(client.ssh("home", "echo", "in, too")).toEqual({ code: 0, out: "in, too\n", err: "" });
    expect(client.slots().length).toBe(1);
  });

  test("ProxyJump knocks for the jump host, and reaches what lies behind it", () => {
    using client = lab.client();
    const said = client.ssh("-J", "home", "10.88.0.2", "echo", "in $SSH_CONNECTION");
    expect(said).toMatchObject({ code: 0 });
    expect(said.out).toMatch(/^in 10\.88\.0\.1 \d+ 10\.88\.0\.2 22\n$/);
    expect(client.slots().length).toBe(1);
  });

  test("plink logs in through the command that docs/ssh.md gives", () => {
    using client = lab.client();
    const { id, fingerprint } = lab.keys;
    run(["puttygen", id, "-O", "private", "-o", `${client.home}/id.ppk`]);
    const said = client.run(
      ...["plink", "-batch", "-i", `${client.home}/id.ppk`, "-hostkey", fingerprint],
      ...["-proxycmd", `${EXECUTABLE} proxy home %host %port`, "root@10.77.0.1", "echo", "in"],
    );
    expect(said).toMatchObject({ code: 0, out: "in\n" });
    expect(client.slots().length).toBe(1);
  });

  test("Ansible runs a task through the inventory that docs/ssh.md gives", () => {
    using client = lab.client();
    const inventory = join(client.home, "inventory");
    const proxy = `-o ProxyCommand="${EXECUTABLE} proxy home %h %p" -o ProxyUseFdpass=yes`;
    const known = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null";
    const login = `ansible_user=root ansible_ssh_private_key_file=${lab.keys.id}`;
    writeFileSync(
      inventory,
      `[gates]\n10.77.0.1 ${login} ansible_ssh_common_args='${proxy} ${known}'\n`,
    );
    const said = client.run("ansible", "-i", inventory, "gates", "-m", "ping");
    expect(said.out).toMatch(/10\.77\.0\.1 \| SUCCESS => [^]*"ping": "pong"/);
    expect(client.slots().length).toBe(1);
  });
});
