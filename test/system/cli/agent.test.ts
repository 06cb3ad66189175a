/** `sallyport agent` on the command line: what it refuses, and the unit that it writes; needs no root. */

import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeBase32 } from "../../../src/rks/base32.ts";
import { EXECUTABLE } from "../../support/executable.ts";
import { run, spawn } from "../../support/programs.ts";

setDefaultTimeout(90_000); // a busy computer takes a while to start a program

const CANARY = encodeBase32(new Uint8Array(32).fill(0xc3));
const LINK = `rks1://alice@gate.example/web?key=${CANARY}&opens=80/tcp,443/tcp`;

let home = "";
let folder = "";
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "sallyport-agent-"));
  folder = join(home, "sallyport", "profiles");
  mkdirSync(folder, { recursive: true });
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const environment = () => ({
  ...process.env,
  SUDO_UID: undefined,
  XDG_CONFIG_HOME: home,
  XDG_STATE_HOME: home,
});

function save(name: string, link: string, mode = 0o600): void {
  writeFileSync(join(folder, name), link, { mode });
}

/** An agent that is to end by itself. */
function agent(...argv: string[]) {
  const said = run([EXECUTABLE, "agent", ...argv], { mayFail: true, env: environment() });
  expect(said.out + said.err).not.toContain(CANARY);
  return said;
}

describe("sallyport agent refuses", () => {
  test("to start without a profile, and says how to get one", () => {
    expect(agent()).toEqual({
      code: 64,
      out: "",
      err: 'sallyport: Cannot start the agent: no profile is saved: run "sallyport profile add", and paste a link\n',
    });
  });

  test("profiles that it cannot use, and goes on where there is one that it can", () => {
    save("open", LINK, 0o644);
    save("broken", "rks1://alice@gate.example/web?key=abc");
    const said = agent();
    expect(said.code).toBe(78);
    expect(said.err.split("\n").map((line) => /Cannot \w+/.exec(line)?.[0])).toEqual([
      "Cannot use",
      "Cannot use",
      "Cannot start",
      undefined,
    ]);
    expect(agent("open")).toMatchObject({ code: 78, out: "" });
    expect(agent("hoem").err).toContain('Cannot find the profile "hoem": saved are broken, open');
  });

  test.each([
    [["--listen", "0.0.0.0:1080"], "other computers would come through your doors"],
    [["--forward", "[::]:8443=home:443"], "other computers would come through your doors"],
    [["--listen", "gate.example:1080"], "Write a port, or an address and a port"],
    [["--listen", "99999"], "Write a port, or an address and a port"],
    [["--forward", "8443:home:443"], 'Write "8443=home:443"'],
    [["--forward", "8443=hoem:443"], 'Cannot find the profile "hoem": saved are home, single'],
    [["--forward", "2222=home:22"], "the door web opens 80/tcp, 443/tcp: name a port of these"],
    [["--forward", "2222=single"], "the link of single names no port: write one behind it"],
    [["--forward", "1080=home"], "Cannot listen on 127.0.0.1:1080: it is named twice"],
    [["--no-listen"], "--no-listen leaves nothing to dial"],
    [["--keep", "1s"], 'Write a duration from "5s" to "1d"'],
    [["--print"], "--print belongs to --install"],
    [["--install", "--remove"], "cannot be used with"],
  ])("%p", (argv, sentence) => {
    save("home", LINK);
    save("single", LINK.replace(/&opens=.*/, ""));
    const said = agent(...argv);
    expect(said.err).toContain(sentence);
    expect([said.code, said.out]).toEqual([64, ""]);
  });

  test("a port that is taken, and addresses that this computer has not", async () => {
    save("home", LINK);
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    expect(agent("--listen", `${port}`)).toEqual({
      code: 1,
      out: "",
      err: `sallyport: Cannot listen on 127.0.0.1:${port}: another program listens there: see whether an agent runs already, or name another port with --listen\n`,
    });
    expect(agent("--no-listen", "--forward", `${port}=home`)).toMatchObject({ code: 1, out: "" });
    server.close();
    expect(agent("--listen", "192.0.2.1:1080", "--share").err).toContain("has no such address");
    if (process.getuid?.() !== 0) return; // root gives itself up to see this
    run(["chown", "-R", "65534", home]);
    const as = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    const argv = [...as, EXECUTABLE, "agent", "--listen", "80"];
    const said = run(argv, { mayFail: true, env: environment() });
    expect([said.code, said.err]).toEqual([
      1,
      "sallyport: Cannot listen on 127.0.0.1:80: ports below 1024 are for root: name a higher one\n",
    ]);
  });
});

test("sallyport agent says what it serves, once all its ports listen, and ends with 0 at Ctrl-C", async () => {
  save("home", LINK);
  save("single", LINK.replace(/&opens=.*/, ""));
  const argv = ["--listen", "127.0.0.9:1080", "--forward", "127.0.0.9:8443=home:443"];
  const child = spawn([EXECUTABLE, "agent", ...argv], {
    stdout: "pipe",
    stderr: "pipe",
    env: environment(),
  });
  let out = "";
  for await (const chunk of child.stdout) {
    out += new TextDecoder().decode(chunk);
    if (out.includes("leads to")) child.kill("SIGINT");
  }
  expect(out).toBe(
    "SOCKS5 and HTTP CONNECT on 127.0.0.9:1080; for browsers http://127.0.0.9:1080/proxy.pac\n" +
      "  home: gate.example, 80/tcp, 443/tcp\n" +
      "127.0.0.9:8443 leads to gate.example:443 (home)\n",
  );
  expect(await new Response(child.stderr).text()).toContain("the link of single names no TCP port");
  expect(await child.exited).toBe(0);
});

describe("sallyport agent --install", () => {
  const unit = () => join(home, "systemd", "user", "sallyport-agent.service");

  test("writes the unit of this user with the options beside it, and says what comes next", () => {
    save("home", LINK);
    const said = agent("--install", "home", "--forward", "8443=home:443", "--keep", "25s");
    expect(said).toEqual({
      code: 0,
      out: `Wrote ${unit()}\nNext:\n  systemctl --user daemon-reload\n  systemctl --user enable --now sallyport-agent\n`,
      err: "",
    });
    const text = readFileSync(unit(), "utf8");
    expect(text).toContain(
      `ExecStart=${EXECUTABLE} agent home --forward 8443=home:443 --keep 25s\n`,
    );
    // Again, and with other options.
    expect(agent("--install").code).toBe(0);
    expect(readFileSync(unit(), "utf8")).toContain(`ExecStart=${EXECUTABLE} agent\n`);
    expect(agent("--remove").out).toBe(
      `Removed ${unit()}\nNext:\n  systemctl --user daemon-reload\n`,
    );
    expect(agent("--remove").out).toBe("There is no unit of the agent: nothing was removed\n");
  });

  test("--print shows it, and writes nothing", () => {
    expect(agent("--install", "--print").out).toStartWith(`# ${unit()}\n[Unit]\n`);
    expect(existsSync(unit())).toBeFalse();
  });

  test("refuses a link or a key in the place of a name, which the unit would show", () => {
    for (const argv of [[LINK], [CANARY], ["--forward", `8443=${CANARY}`]]) {
      const said = agent("--install", ...argv);
      expect([said.code, said.out]).toEqual([64, ""]);
      expect(said.err).toContain("Cannot find the profile: its name is not valid");
    }
    expect(existsSync(unit())).toBeFalse();
  });

  test("says where the agent would not start", () => {
    save("home", LINK);
    expect(agent("--install", "hoem", "--forward", "2222=home:22")).toMatchObject({
      code: 0,
      err: `sallyport: the agent will not start: Cannot find the profile "hoem": saved are home: save its link with "sallyport profile add --name hoem"
sallyport: the agent will not start: Cannot forward 2222=home:22: the door web opens 80/tcp, 443/tcp: name a port of these
`,
    });
    expect(agent("--install", "hoem", "--no-listen", "--forward", "8443=home:443").err).toBe("");
    rmSync(join(home, "sallyport", "profiles", "home"));
    expect(agent("--install").err).toStartWith(
      "sallyport: the agent will not start: Cannot start the agent: no profile is saved: ",
    );
  });

  test.skipIf(process.getuid?.() !== 0)("sends nobody to root for a unit of one's own", () => {
    const units = join(home, "systemd", "user");
    mkdirSync(units, { recursive: true });
    run(["chmod", "755", home, join(home, "systemd"), units]);
    const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    const argv = [...nobody, EXECUTABLE, "agent", "--install"];
    expect(run(argv, { mayFail: true, env: environment() }).err).toEndWith(
      `\nsallyport: Cannot write ${unit()}: EACCES: make its folder yours, or name another in XDG_CONFIG_HOME\n`,
    );
  });

  test("under sudo says whose agent that is", () => {
    const said = run([EXECUTABLE, "agent", "--install", "--print"], {
      env: { ...environment(), SUDO_UID: "1000" },
    });
    const isRoot = process.getuid?.() === 0;
    expect(said.err.includes("this is the agent of root")).toBe(isRoot);
  });

  test("leaves what somebody changed, and a unit that is enabled", () => {
    agent("--install");
    writeFileSync(unit(), `${readFileSync(unit(), "utf8")}# mine\n`);
    expect(agent("--install")).toMatchObject({ code: 1, out: "" });
    expect(agent("--remove").err).toContain("somebody changed it by hand");
    const wants = join(home, "systemd", "user", "default.target.wants");
    mkdirSync(wants);
    writeFileSync(join(wants, "sallyport-agent.service"), "");
    expect(agent("--remove").err).toContain('run "systemctl --user disable --now sallyport-agent"');
  });
});
