/** The units of packages are those of `service install` and `firewall install`, letter by letter. */

import { expect, test } from "bun:test";
import { guardFiles, serviceFiles } from "../../../src/service/install.ts";
import { PACKAGED, packagedFiles } from "../../../src/service/packaged.ts";

test("packagedFiles() says what install would write for a package's paths", () => {
  const options = {
    executable: "/usr/bin/sallyport",
    config: "/etc/sallyport/config.toml",
    // No configuration stands below it: the defaults, as in a package.
    root: "/nonexistent",
  };
  const written = [...serviceFiles({ ...options, user: "sallyport" }), ...guardFiles(options)];
  expect(packagedFiles()).toEqual(
    written.map(({ path, text }) => ({ path: PACKAGED[path]!, text })),
  );
});
