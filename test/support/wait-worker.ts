/**
 * A thread that blocks in poll(2) until its eventfd is signalled, like the data plane; reports
 * when.
 */

/* oxlint-disable unicorn/require-post-message-target-origin -- the port of a worker has no origin */

import { parentPort, workerData } from "node:worker_threads";
import { EventFd } from "../../src/native/event-fd.ts";
import { PollSet } from "../../src/native/poll-set.ts";

const wake = EventFd.of(workerData as number);
const poll = new PollSet();
poll.add(wake.fd);
parentPort!.postMessage("waiting");
const ready = poll.wait(10_000);
parentPort!.postMessage({ ready, signalled: wake.clear(), again: wake.clear() });
