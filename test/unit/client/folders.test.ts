/** The XDG folders, with the environment as data. */

import { expect, test } from "bun:test";
import { homedir } from "node:os";
import { profilesFolder, slotsFolder } from "../../../src/client/folders.ts";

test.each([
  [{ HOME: "/home/a" }, "/home/a/.config", "/home/a/.local/state"],
  [{ HOME: "/home/a", XDG_CONFIG_HOME: "/c", XDG_STATE_HOME: "/s" }, "/c", "/s"],
  [
    { HOME: "/home/a", XDG_CONFIG_HOME: "c", XDG_STATE_HOME: "" },
    "/home/a/.config",
    "/home/a/.local/state",
  ],
  [{ HOME: "" }, `${homedir()}/.config`, `${homedir()}/.local/state`],
  [{ HOME: "here" }, `${homedir()}/.config`, `${homedir()}/.local/state`],
])("profilesFolder() and slotsFolder() of %j", (environment, config, state) => {
  expect(profilesFolder(environment)).toBe(`${config}/sallyport/profiles`);
  expect(slotsFolder(environment)).toBe(`${state}/sallyport/slots`);
});
