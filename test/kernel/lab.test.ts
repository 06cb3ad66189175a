/** The machines that the other tests live on. */

import { expect, test } from "bun:test";
import { Lab } from "../support/lab.ts";

test("no address of a lab is tentative, so that the first probe of a test is heard", () => {
  using lab = new Lab();
  for (const host of ["server", "client", "stranger", "container"] as const) {
    const { out } = lab.run(host, ["ip", "-6", "-o", "address", "show", "dev", "eth0"]);
    expect(out).toContain("scope link");
    expect(out).not.toContain("tentative");
  }
});
