/** Programs that know of no knock reach a guarded server through `sallyport agent`. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { AgentLab, PROXY } from "../support/agent-lab.ts";
import type { RunningAgent } from "../support/agent-lab.ts";
import { EXECUTABLE } from "../support/executable.ts";
import { run } from "../support/programs.ts";
import { ODD } from "../support/proxy-lab.ts";

setDefaultTimeout(90_000); // a slot may have to end first

let lab: AgentLab;
beforeAll(async () => {
  lab = await new AgentLab().start();
});
afterAll(() => lab?.[Symbol.asyncDispose]());

const SITE = "http://gate.example/";
const THROUGH = ["--socks5-hostname", PROXY];

function curl(agent: RunningAgent, ...argv: string[]) {
  return agent.client.run("curl", "-sSk", "--max-time", "60", ...argv);
}

describe("what programs get", () => {
  test("curl loads a page by SOCKS5 and by HTTP CONNECT, after one knock", async () => {
    await using agent = await lab.agent();
    for (const [options, url] of [
      [THROUGH, SITE],
      [["--proxytunnel", "--proxy", PROXY], SITE],
      [["--proxy", PROXY], "https://gate.example/"],
    ] as const) {
      const said = curl(agent, ...options, url);
      expect(said).toMatchObject({ code: 0, err: "" });
      expect(said.out).toContain("behind the door");
    }
    expect(agent.client.slots().length).toBe(1);
  });

  test("a program that looks the name up itself has the address knocked on that it found", async () => {
    await using agent = await lab.agent();
    expect(curl(agent, "--socks5", PROXY, SITE).out).toContain("behind the door");
    expect(agent.client.slots().length).toBe(1);
  });

  test("ssh logs in through nc, by SOCKS5 and by HTTP CONNECT", async () => {
    await using agent = await lab.agent();
    const { client } = agent;
    for (const kind of ["5", "connect"]) {
      client.write(`Host *\n  ProxyCommand nc -X ${kind} -x ${PROXY} %h %p\n`);
      expect(client.ssh("gate.example", "echo", "in")).toEqual({ code: 0, out: "in\n", err: "" });
    }
    expect(client.slots().length).toBe(1);
  });

  test("24 programs that dial a closed door at once share one knock", async () => {
    await using agent = await lab.agent();
    const children = Array.from({ length: 24 }, () =>
      agent.client.start("curl", "-sS", ...THROUGH, SITE),
    );
    const said = await Promise.all(children.map(({ stdout }) => new Response(stdout).text()));
    expect(said.filter((page) => page.includes("behind the door")).length).toBe(24);
    expect([agent.client.slots().length, lab.proxy.openings]).toEqual([1, 1]);
  });

  test("a local port leads through the door of its profile, and needs no proxy", async () => {
    await using agent = await lab.agent(["--no-listen", "--forward", "8080=home:80"]);
    expect(agent.said).toBe("127.0.0.1:8080 leads to gate.example:80 (home)\n");
    expect(curl(agent, "http://127.0.0.1:8080/").out).toContain("behind the door");
    expect(curl(agent, ...THROUGH, SITE)).toMatchObject({ code: 7 });
  });

  test("the halves of a connection end one by one, and a reset arrives as one", async () => {
    await using agent = await lab.agent(["--forward", `7000=home:${ODD}`]);
    const count = "{ echo count; head -c 3000000 /dev/zero; } | nc -N";
    for (const how of [`-X 5 -x ${PROXY} gate.example ${ODD}`, "127.0.0.1 7000"]) {
      expect(agent.client.run("sh", "-c", `${count} ${how}`)).toMatchObject({ out: "3000000" });
    }
    const reset = `
import socket
c = socket.create_connection(("127.0.0.1", 7000))
c.sendall(b"reset\\n")
try: print(c.recv(9))
except ConnectionResetError: print("reset")
`;
    expect(agent.client.run("python3", "-c", reset).out).toBe("reset\n");
  });
});

describe("what nobody gets", () => {
  let agent: RunningAgent;
  beforeAll(async () => {
    agent = await lab.agent();
  });
  afterAll(() => agent?.[Symbol.asyncDispose]());

  test("another host, and another port than a door opens: refused with a reason, and not knocked for", async () => {
    const slots = agent.client.slots();
    for (const [url, reason] of [
      ["http://elsewhere.example/", "no profile leads there"],
      ["http://10.77.0.3/", "no profile leads there"],
      ["http://127.0.0.1:1080/", "no profile leads there"],
      ["http://gate.example:8080/", "its door opens 80/tcp, 443/tcp, 22/tcp"],
    ] as const) {
      // Not allowed by the rules, as SOCKS5 says it; 403, as HTTP does.
      expect(curl(agent, ...THROUGH, url)).toMatchObject({ code: 97 });
      const tunnel = curl(agent, "-p", "-x", PROXY, "-w", "%{http_connect}", url);
      expect([tunnel.code, tunnel.out]).toEqual([56, "403"]);
      await agent.says(new RegExp(reason));
    }
    expect(agent.client.slots()).toEqual(slots);
  });

  test("a program of another user is refused, whatever it says, and root's is not", async () => {
    const client = lab.proxy.client(lab.proxy.link("web", "gate.example"));
    client.run("chown", "-R", "65534", client.home);
    const as = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    const child = client.start(...as, EXECUTABLE, "agent", "--listen", "1081");
    try {
      const reader = child.stdout.getReader();
      await reader.read();
      const other = ["setpriv", "--reuid=65533", "--regid=65534", "--clear-groups"];
      const fetch = (...who: string[]) =>
        client.run(
          ...[...who, "curl", "-sS", "--max-time", "20"],
          ...["--socks5-hostname", "127.0.0.1:1081", SITE],
        ).code;
      // One that ends before anybody can see whose it is: the kernel lists what it leaves as root's.
      const quick = `
import socket
for _ in range(50):
    c = socket.create_connection(("127.0.0.1", 1081))
    c.sendall(b"\\x05\\x01\\x00\\x05\\x01\\x00\\x01\\x0a\\x4d\\x00\\x01\\x00\\x50")
    c.close()
`;
      client.run(...other, "python3", "-c", quick);
      expect(fetch(...other)).not.toBe(0);
      expect(client.slots()).toEqual([]);
      expect(fetch(...as)).toBe(0);
      expect(fetch()).toBe(0);
      child.kill("SIGTERM");
      const err = await new Response(child.stderr).text();
      expect(err).toContain("a program of another user (uid 65533) was refused");
    } finally {
      child.kill("SIGKILL");
      client[Symbol.dispose]();
    }
  });

  test("a page of the browser gets no answer that it may read", () => {
    const page = (...argv: string[]) =>
      curl(agent, "-w", " %{http_code}", ...argv)
        .out.split(" ")
        .at(-1);
    expect(page(`http://${PROXY}/proxy.pac`)).toBe("200");
    expect(page("-H", "Origin: http://elsewhere.example", `http://${PROXY}/proxy.pac`)).toBe("403");
    expect(page("-H", "Host: rebound.example:1080", `http://${PROXY}/proxy.pac`)).toBe("403");
    expect(page("-X", "POST", "-d", "a=b", `http://${PROXY}/`)).toBe("405");
    expect(page("-x", PROXY, SITE)).toBe("405");
  });

  test("SOCKS4, TLS and noise end at once, and leave it working", async () => {
    const hostile = `
import os, socket
def say(what):
    with socket.create_connection(("127.0.0.1", 1080)) as c:
        c.settimeout(20)
        try:
            c.sendall(what)
            while c.recv(999): pass
        except ConnectionResetError: pass
for what in [b"\\4\\1\\0\\x50\\x0a\\x4d\\0\\1\\0", b"\\x16\\3\\1", b"\\0" * 99, b"\\5\\0", b"\\5\\1\\2", b"GET / HTTP/3\\r\\n\\r\\n"]: say(what)
for _ in range(30): say(bytes([os.urandom(1)[0] | 128]) + os.urandom(99))
`;
    expect(agent.client.run("python3", "-c", hostile)).toMatchObject({ code: 0, err: "" });
    await agent.says(/set it to SOCKS5/);
    expect(curl(agent, ...THROUGH, SITE).out).toContain("behind the door");
  });
});

describe("while it runs", () => {
  test("a daemon that is away is told as such, and found again", async () => {
    await using agent = await lab.agent(["--tries", "1", "--timeout", "500ms"]);
    await lab.proxy.server.stop();
    try {
      const away = curl(agent, "-p", "-x", PROXY, "-w", "%{http_connect}", SITE);
      expect([away.code, away.out]).toEqual([56, "504"]);
      await agent.says(/Cannot open web on gate\.example: 1 knock sent .* "sallyport why"/);
    } finally {
      await lab.proxy.server.start();
    }
    // With a knock of its own: the one just before opened nothing, and nobody waits for it again.
    expect(curl(agent, ...THROUGH, SITE)).toMatchObject({ code: 0, err: "" });
  });

  test("a computer that moves to another address gets in from there, and a door in use is open before it is asked for", async () => {
    await using agent = await lab.agent(["-v", "--forward", "2222=home:22"]);
    const { lab: network } = lab.proxy;
    expect(curl(agent, ...THROUGH, SITE).code).toBe(0);
    const session = agent.client.start("nc", "127.0.0.1", "2222");
    await session.stdout.getReader().read();
    try {
      network.run("client", ["ip", "address", "delete", "10.77.0.2/16", "dev", "eth0"]);
      network.addAddress("client", "eth0", "10.77.0.9/16");
      await agent.says(/knocked again, since this computer has another address now/);
      await lab.proxy.server.waitForLog(/Opened web .*10\.77\.0\.9/);
      const slots = agent.client.slots().length;
      expect(curl(agent, ...THROUGH, SITE).code).toBe(0);
      expect(agent.client.slots().length).toBe(slots);
    } finally {
      network.run("client", ["ip", "address", "flush", "dev", "eth0", "scope", "global"]);
      network.addAddress("client", "eth0", "10.77.0.2/16");
      network.addAddress("client", "eth0", "fd77::2/64");
    }
  });

  test("profiles that are added, broken and removed count at once", async () => {
    await using agent = await lab.agent();
    const { client } = agent;
    const file = `${client.home}/config/sallyport/profiles/home`;
    const link = run(["cat", file]).out;
    client.run("chmod", "644", file);
    expect(curl(agent, ...THROUGH, SITE).code).toBe(97);
    await agent.says(/other users of this computer can read the key in it/);
    client.run(EXECUTABLE, "profile", "remove", "home");
    expect(curl(agent, ...THROUGH, SITE).code).toBe(97);
    run([...client.env, EXECUTABLE, "profile", "add", "--name", "again"], { input: link });
    expect(curl(agent, ...THROUGH, SITE).code).toBe(0);
  });

  test("a signal ends it in order, with all connections", async () => {
    await using agent = await lab.agent(["--forward", "2222=home:22"]);
    const session = agent.client.start("nc", "127.0.0.1", "2222");
    await session.stdout.getReader().read();
    expect(await agent.stop()).toBe(0);
    await session.exited;
    expect(existsSync(`/proc/${agent.pid}`)).toBeFalse();
  });
});
