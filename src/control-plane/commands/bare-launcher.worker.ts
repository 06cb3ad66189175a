/** The entry of the thread without privileges: it gives them up first of all, and then starts programs on request. */

import { parentPort, workerData } from "node:worker_threads";
import { messageOf } from "../../core/errors.ts";
import { giveUpPrivileges } from "../../native/bare-thread.ts";
import { allowStandingInFront } from "../../native/thread-priority.ts";
import type { Launch, Launched, Launching } from "./bare-launcher.ts";
import { spawnCommand } from "./spawn-command.ts";

const port = parentPort!;
const tell = (launched: Launched) => port.postMessage(launched);
const { started } = workerData as Launching;

Atomics.store(started, 0, 1);
Atomics.notify(started, 0);

allowStandingInFront();
giveUpPrivileges();

port.on("message", ({ id, argv, limitMs }: Launch) => {
  try {
    const ended = spawnCommand(argv, limitMs);
    tell({ type: "started", id });
    void ended.then((end) => tell({ type: "ended", id, end }));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    tell({ type: "refused", id, code, message: messageOf(error) });
  }
});
