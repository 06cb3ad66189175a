/** The machines that the other tests live on. */

import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Lab } from "../support/lab.ts";
import { spawn } from "../support/programs.ts";
import { sendSegment } from "../support/raw-segment.ts";

test("no address of a lab is tentative, so that the first probe of a test is heard", () => {
  using lab = new Lab();
  for (const host of ["server", "client", "stranger", "container"] as const) {
    const { out } = lab.run(host, ["ip", "-6", "-o", "address", "show", "dev", "eth0"]);
    expect(out).toContain("scope link");
    expect(out).not.toContain("tentative");
  }
});

test("a host of a lab is found at once after rules that drop neighbour discovery, too", () => {
  using lab = new Lab();
  const drop =
    "add table ip6 f; add chain ip6 f in { type filter hook input priority 0; policy drop; }";
  lab.run("server", ["nft", drop]);
  // What a host learned by looking is gone, as it is after some seconds without a reply.
  lab.run("client", ["ip", "neighbour", "flush", "dev", "eth0"]);
  const to = lab.address6.server;
  lab.run("client", ["ping", "-c", "1", "-W", "0.1", to], { mayFail: true });
  lab.run("server", ["nft", "flush", "ruleset"]);
  expect(sendSegment(lab, "client", { to, port: 3_333, sourcePort: 41_000 })).toBe("refused");
});

test("the hosts of a lab say nothing by themselves that a capture of knocks takes", async () => {
  using lab = new Lab();
  const argv = ["timeout", "3", "tcpdump", "-i", "eth0", "-n", "--immediate-mode", "ip6 proto 0"];
  const capture = lab.start("server", argv);
  expect((await new Response(capture.stdout).text()).trim()).toBe("");
  expect(await capture.exited).toBe(124);
});

/** Not dead, nor dead and waiting for its parent (state Z) or being taken apart (X). */
function isAlive(pid: string): boolean {
  try {
    return !/^State:\s+[XZ]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
  "a lab whose process gets %s goes, with all that runs inside",
  async (signal) => {
    const code = `
      import { Lab } from ${JSON.stringify(join(import.meta.dir, "../support/lab.ts"))};
      const sleeper = new Lab().start("server", ["sleep", "300"]);
      console.log(sleeper.pid);
      setInterval(() => {}, 1_000);
    `;
    const owner = spawn([process.execPath, "-e", code], { stdout: "pipe" });
    const { value } = await owner.stdout.getReader().read();
    const sleeper = new TextDecoder().decode(value).trim();
    expect(isAlive(sleeper)).toBeTrue();
    owner.kill(signal);
    expect(await owner.exited).toBeGreaterThan(128);
    expect(isAlive(sleeper)).toBeFalse();
    const mine = `sallyport-${owner.pid}-`;
    expect(readdirSync("/run/netns").filter((name) => name.startsWith(mine))).toEqual([]);
  },
);
