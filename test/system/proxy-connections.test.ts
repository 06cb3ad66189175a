/** What `sallyport proxy` connects to, by which address, and how its two halves end. */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EXECUTABLE } from "../support/executable.ts";
import { ODD, ProxyLab } from "../support/proxy-lab.ts";

setDefaultTimeout(90_000); // a slot may have to end first

let lab: ProxyLab;
beforeAll(async () => {
  lab = await new ProxyLab("drop").start();
});
afterAll(() => lab?.[Symbol.asyncDispose]());

test.each([
  [["fd77::1", "10.77.0.1"], "-4", "10.77.0.1"],
  [["fd77::1", "10.77.0.1"], "-6", "fd77::1"],
  [["fd77::dead", "10.77.0.1"], "", "10.77.0.1"],
])(
  "of a name with the addresses %p and %p the one that answers is knocked on and taken",
  (addresses, option, reached) => {
    using client = lab.client(lab.link("ssh", "gate.example"));
    const hosts = `/etc/netns/${lab.lab.namespace("client")}`;
    mkdirSync(hosts, { recursive: true });
    try {
      const text = addresses.map((address) => `${address} gate.example\n`).join("");
      writeFileSync(join(hosts, "hosts"), text);
      client.write(client.lines().replace("%h %p", `${option} %h %p`));
      const said = client.ssh("gate.example", "echo", "$SSH_CONNECTION");
      expect(said).toMatchObject({ code: 0 });
      expect(said.out.split(" ")[2]).toBe(reached);
    } finally {
      rmSync(hosts, { recursive: true, force: true });
    }
  },
);

test("the end of standard input is the end for the server, and its answer arrives", () => {
  using client = lab.client();
  const input = "{ echo count; head -c 3000000 /dev/zero; }";
  const said = client.run("sh", "-c", `${input} | ${EXECUTABLE} proxy home 10.77.0.1 ${ODD}`);
  expect(said).toEqual({ code: 0, out: "3000000", err: "" });
});

test("a connection that the server resets ends with a sentence and 1", () => {
  using client = lab.client();
  const { code, err } = client.run(
    "sh",
    "-c",
    `{ echo reset; sleep 5; } | ${EXECUTABLE} proxy home 10.77.0.1 ${ODD}`,
  );
  expect(err).toMatch(/^sallyport: Cannot go on with the connection: .*ECONNRESET.*\n$/);
  expect(code).toBe(1);
});

test("the end of what the server says is the end, whoever still has something to say", () => {
  using client = lab.client();
  const caller = `
import subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdin.write(b"first\\n")
child.stdin.flush()
print(child.stdout.read(), child.wait())
`;
  const argv = [EXECUTABLE, "proxy", "home", "10.77.0.1", `${ODD}`];
  const said = client.run("timeout", "20", "python3", "-c", caller, ...argv);
  expect(said).toEqual({ code: 0, out: "b'bye' 0\n", err: "" });
});

test("a program that is no ssh gets the bytes through the one socket it gave", () => {
  using client = lab.client();
  const caller = `
import socket, subprocess, sys
ours, theirs = socket.socketpair()
child = subprocess.Popen(sys.argv[1:], stdin=theirs, stdout=theirs)
theirs.close()
ours.sendall(b"count\\nabc")
ours.shutdown(socket.SHUT_WR)
print(ours.makefile().read(), child.wait())
`;
  const said = client.run(
    "python3",
    "-c",
    caller,
    EXECUTABLE,
    "proxy",
    "home",
    "10.77.0.1",
    `${ODD}`,
  );
  expect(said).toEqual({ code: 0, out: "3 0\n", err: "" });
});

test("another host than the profile's is connected to, and never knocked on", () => {
  using client = lab.client();
  const { code, err } = client.run(
    ...[EXECUTABLE, "proxy", "home", "10.77.0.3", "22", "--tries", "1", "--timeout", "500ms", "-v"],
  );
  expect(code).toBe(1);
  expect(err).toContain("knock 1 sent to 10.77.0.1\n");
  expect(err).not.toContain("sent to 10.77.0.3");
});

test("a link, a wrong name and a broken command line are refused like those of knock", () => {
  using client = lab.client();
  const key = "a".repeat(52);
  for (const [argv, code, sentence] of [
    [["-"], 64, "standard input belongs to the connection"],
    [[`rks1://alice@h/ssh?key=${key}`], 64, "other users could see a link on the command line"],
    [["hoem"], 64, 'Cannot find the profile "hoem": saved are home'],
    [["home", "h", "99999"], 64, "Write a whole number from 1 to 65535"],
    [["home", "--pipe", "--fdpass"], 64, "cannot be used with"],
    [["home", key], 64, "Cannot look up the host: it looks like a key"],
    [["home", "nosuch.invalid"], 1, "Cannot look up nosuch.invalid"],
  ] as const) {
    const said = client.run(EXECUTABLE, "proxy", ...argv);
    expect(said.err).toContain(sentence);
    expect([said.code, said.out, said.err.includes(key)]).toEqual([code, "", false]);
  }
});

test("--fdpass into a pipe is refused in one sentence", () => {
  using client = lab.client();
  const { err } = client.run("sh", "-c", `${EXECUTABLE} proxy home --fdpass | cat`);
  expect(err).toMatch(/^sallyport: Cannot pass the connection to .*: leave out --fdpass\n$/);
});
