/**
 * Keys under their former names: accepted, reported with their line, and refused only where both
 * names occur.
 */

import { describe, expect, test } from "bun:test";
import type { FormerKey } from "../../../src/config/former-keys.ts";
import { parseLastSettings } from "../../../src/config/last-settings.ts";
import { parseSettings } from "../../../src/config/load.ts";
import { settingsWarnings } from "../../../src/config/warnings.ts";

const FORMER: readonly FormerKey[] = [
  { was: ["door", "*", "open_time"], is: "open_for", since: "0.2.0" },
  { was: ["door", "*", "run", "begin"], is: "open", since: "0.2.0" },
  { was: ["firewall"], is: "guard", since: "0.3.0" },
  { was: ["guard", "stopped"], is: "on_stop", since: "0.3.0" },
];

const parse = (toml: string) => parseSettings(toml, "config.toml", { former: FORMER });

const NOW = `
[door.ssh]
opens = ["22/tcp"]
users = ["alice"]
open_for = "45s"
run = { open = ["/bin/true"] }

[guard]
on_stop = "open"
`;

const THEN = `
[door.ssh]
opens = ["22/tcp"]
users = ["alice"]
open_time = "45s"
run = { begin = ["/bin/true"] }

[firewall]
stopped = "open"
`;

describe("parseSettings() with keys under their former names", () => {
  test("reads them as under those of now, and warns of each with its line", () => {
    const { formerNames, ...settings } = parse(THEN);
    expect(settings).toEqual(parse(NOW));
    expect(formerNames).toEqual([
      "config.toml:5: door.ssh.open_time is called open_for since version 0.2.0: write that",
      "config.toml:6: door.ssh.run.begin is called open since version 0.2.0: write that",
      "config.toml:8: firewall is called guard since version 0.3.0: write that",
      "config.toml:9: firewall.stopped is called on_stop since version 0.3.0: write that",
    ]);
    expect(settingsWarnings(parse(THEN)).slice(0, 4)).toEqual([...formerNames!]);
  });

  test("tells a mistake in such a value where it was written, by the name it has there", () => {
    expect(() => parse(THEN.replace('"45s"', '"45"'))).toThrow(
      'config.toml:5: door.ssh.open_time is "45": write a duration such as "30s"',
    );
  });

  test("refuses a key that stands there under both names", () => {
    expect(() => parse(NOW.replace("open_for", 'open_time = "9s"\nopen_for'))).toThrow(
      "config.toml:5: door.ssh.open_time is the former name of open_for, which stands there too: take it out",
    );
  });

  test("says nothing of a file that has none", () => {
    expect(parse(NOW).formerNames).toBeUndefined();
  });
});

describe("parseLastSettings()", () => {
  const later = NOW.replace("[guard]", 'from = ["10.0.0.0/8"]\n\n[quota]\nmost = 3\n\n[guard]');

  test("leaves out what only a later sallyport knows, so that going back to this one locks nobody out", () => {
    expect(parseLastSettings(later, "config.last.toml")).toEqual(parse(NOW));
  });

  test("refuses every other mistake, and a config.toml any key that it does not know", () => {
    const broken = later.replace('"45s"', '"45"');
    expect(() => parseLastSettings(broken, "config.last.toml")).toThrow("one mistake");
    expect(() => parse(later)).toThrow("2 mistakes");
  });
});
