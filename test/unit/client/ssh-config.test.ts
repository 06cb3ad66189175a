/** The lines for ~/.ssh/config, read back by ssh itself. */

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sshConfig } from "../../../src/client/ssh-config.ts";
import { encodeBase32 } from "../../../src/rks/base32.ts";
import { parseProfileLink } from "../../../src/rks/profile-link.ts";
import { run } from "../../support/programs.ts";

const KEY = encodeBase32(new Uint8Array(32).fill(7));
const folder = mkdtempSync(join(tmpdir(), "sallyport-ssh-config-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function linesFor(
  host: string,
  opens = "22/tcp",
  self: readonly string[] = ["/usr/local/bin/sallyport"],
  platform: NodeJS.Platform = "linux",
): string {
  const profile = parseProfileLink(`rks1://alice@${host}/ssh?key=${KEY}&opens=${opens}`);
  return sshConfig({ name: "home", profile, self, platform });
}

/** What ssh makes of the lines: names in lower case. */
function read(lines: string, host: string): Map<string, string> {
  const path = join(folder, "config");
  writeFileSync(path, `${lines}\n`);
  const { out } = run(["ssh", "-G", "-F", path, host]);
  return new Map(out.split("\n").map((line) => [line.split(" ")[0]!, line.replace(/^\S+ /, "")]));
}

test("sshConfig() is understood by ssh, under the profile's name and the host's", () => {
  for (const host of ["home", "gate.example"]) {
    const said = read(linesFor("gate.example"), host);
    expect(said.get("hostname")).toBe("gate.example");
    expect(said.get("port")).toBe("22");
    expect(said.get("proxycommand")).toBe("/usr/local/bin/sallyport proxy home %h %p");
    expect(said.get("proxyusefdpass")).toBe("yes");
  }
  expect(read(linesFor("gate.example"), "other.example").has("proxycommand")).toBe(false);
});

test("sshConfig() names a port only where the door does not open ssh's own", () => {
  expect(read(linesFor("gate.example", "2222/tcp"), "home").get("port")).toBe("2222");
  expect(read(linesFor("gate.example", "53/udp,8000-8010/tcp"), "home").get("port")).toBe("8000");
  expect(linesFor("gate.example", "8000/tcp,20-25/tcp")).not.toContain("Port");
  expect(linesFor("gate.example", "")).not.toContain("Port");
});

test("sshConfig() writes addresses of every kind, and the interface of one as ssh wants it", () => {
  expect(read(linesFor("[2001:db8::7]"), "2001:db8::7").get("hostname")).toBe("2001:db8::7");
  const scoped = read(linesFor("[fe80::1%25eth0]"), "home");
  expect(scoped.get("hostname")).toBe("fe80::1%eth0");
});

test("sshConfig() writes no host that a shell would obey", () => {
  // ssh puts it in place of %h, unquoted: a link would run commands where it is used.
  for (const zone of ["$(id)", "`id`", ";id;", "a|id", "x&id", "a'b", 'a"b', "a\\b", "#", "a(b)"]) {
    const host = `[fe80::1%25${encodeURIComponent(zone)}]`;
    expect(() => linesFor(host), zone).toThrow("holds signs that a shell obeys");
  }
  for (const zone of ["eth0", "br-1.100", "wg_home", "3"]) {
    expect(linesFor(`[fe80::1%25${zone}]`)).toContain(`HostName fe80::1%%${zone}`);
  }
});

test("sshConfig() keeps a path with odd characters in one word", () => {
  const self = ["/opt/it's 100%/sallyport"];
  const command = read(linesFor("gate.example", "22/tcp", self), "home").get("proxycommand")!;
  const words = run(["sh", "-c", `printf '%s|' ${command.replaceAll("%%", "%")}`]).out.split("|");
  expect(words.slice(0, 3)).toEqual([self[0]!, "proxy", "home"]);
});

test("sshConfig() on other systems names the program as they want it, and passes no socket", () => {
  const windows = linesFor("gate.example", "22/tcp", ["C:\\Program Files\\sallyport.exe"], "win32");
  expect(windows).toContain('  ProxyCommand "C:\\Program Files\\sallyport.exe" proxy home %h %p');
  for (const platform of ["win32", "darwin"] as const) {
    expect(linesFor("gate.example", "22/tcp", ["x"], platform)).not.toContain("Fdpass");
  }
});
