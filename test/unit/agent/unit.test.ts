/** The unit of a user's agent: systemd reads it, and starts what the command line said. */

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { agentUnit } from "../../../src/agent/unit.ts";
import { agentWords } from "../../../src/cli/agent-settings.ts";
import { readForward, readPlace } from "../../../src/client/places.ts";
import { run } from "../../support/programs.ts";

const folder = mkdtempSync(join(tmpdir(), "sallyport-agent-unit-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const DEFAULTS = {
  listen: readPlace("1080")!,
  forward: [],
  tries: 3,
  timeout: 2_000,
};

test("agentWords() says only what differs from the defaults", () => {
  expect(agentWords([], DEFAULTS)).toEqual(["agent"]);
  expect(
    agentWords(["home", "work"], {
      listen: readPlace("[::1]:1081")!,
      forward: [readForward("8443=home:443")!, readForward("127.0.0.2:22=work")!],
      keep: 20_000,
      share: true,
      ipv4: true,
      delay: 5,
      tries: 2,
      timeout: 500,
      verbose: true,
    }).join(" "),
  ).toBe(
    "agent home work --listen [::1]:1081 --forward 8443=home:443 --forward 127.0.0.2:22=work --keep 20s --share --ipv4 --delay 5 --tries 2 --timeout 500ms --verbose",
  );
  expect(agentWords([], { ...DEFAULTS, listen: false })).toEqual(["agent", "--no-listen"]);
});

test("agentUnit() writes a unit in which systemd finds no mistake", () => {
  const words = agentWords([], { ...DEFAULTS, forward: [readForward("8443=home:443")!] });
  const text = agentUnit(["/bin/true", ...words], { XDG_CONFIG_HOME: "/home/a b/%c" });
  const path = join(folder, "sallyport-agent.service");
  writeFileSync(path, text);
  expect(text).toContain("ExecStart=/bin/true agent --forward 8443=home:443\n");
  expect(text).toContain('Environment="XDG_CONFIG_HOME=/home/a b/%%c"\n');
  expect(run(["systemd-analyze", "verify", "--man=no", path]).err).toBe("");
});

test("agentUnit() names no folder that is not set, or relative", () => {
  expect(agentUnit(["/bin/true"], { XDG_STATE_HOME: "here" })).not.toMatch(/^Environment=/m);
});

test("agentUnit() leaves nothing in a word to the manager", () => {
  expect(agentUnit(["/bin/true", 'a%b $c "d'])).toContain('ExecStart=/bin/true "a%%b $$c \\"d"\n');
});
