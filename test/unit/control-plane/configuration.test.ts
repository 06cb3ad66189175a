/** The files of a start or a reload, read together. */

import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { readConfiguration } from "../../../src/control-plane/configuration.ts";
import { ExitCode, SallyportError } from "../../../src/core/errors.ts";
import { StateFolder } from "../../support/store.ts";

test.each(["there", "there/state", "there/deeper/still"])(
  "readConfiguration() names the file in the place of a state folder: %s",
  (named) => {
    using folder = new StateFolder();
    const config = folder.file("config.toml");
    writeFileSync(folder.file("there"), "");
    const text = (path: string) =>
      `[server]\nstate_dir = "${folder.file(path)}"\n[door.ssh]\nopens = ["22/tcp"]\nusers = ["alice"]\n`;
    writeFileSync(config, text(named));
    let refusal: unknown;
    try {
      readConfiguration(config);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(SallyportError);
    expect(refusal).toMatchObject({
      message: `Cannot use the state directory "${folder.file(named)}": ${folder.file("there")} is no folder: move it away, or set server.state_dir`,
      exitCode: ExitCode.config,
    });
    mkdirSync(folder.file("else"), { mode: 0o700 });
    writeFileSync(config, text("else/state"));
    expect(readConfiguration(config).keys.length).toBe(0);
  },
);
