/** The control socket, which root alone may use. */

import { expect, test } from "bun:test";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { FakeControl } from "../../support/fake-control.ts";
import { listen } from "../../support/listen.ts";
import { spawn } from "../../support/programs.ts";
import { StateFolder } from "../../support/store.ts";

test("connectControl() sends a stranger away with exit code 77", async () => {
  const script = `
      const { connectControl } = await import(process.argv[1]);
      process.setuid(65534);
      await connectControl(process.argv[2]).doors().catch((error) => console.log(error.exitCode, error.message));
    `;
  using folder = new StateFolder();
  chmodSync(folder.path, 0o755);
  const socket = folder.file("control.sock");
  const daemon = await listen(new FakeControl(), {
    listen: { host: "127.0.0.1", port: 0 },
    socket,
  });
  const client = join(import.meta.dir, "../../../src/api/client.ts");
  const stranger = spawn([process.execPath, "-e", script, client, socket], {
    stdout: "pipe",
  });
  expect((await stranger.stdout.text()).trim()).toBe(
    `77 Cannot reach sallyport at ${socket}: only its owner may use it: run this command as the user that runs sallyport, mostly root`,
  );
  daemon.stop();
});
