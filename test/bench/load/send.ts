/**
 * Sends a load alone, in a process of its own:
 *
 *     bun test/bench/load/send.ts INTERFACE SECONDS FRAMES < load.json
 *
 * Ends after so many seconds or frames, whichever comes first. Prints one line: frames sent and seconds taken.
 */

import { PacketSocket } from "../../support/packet-socket.ts";
import { LoadGenerator, PORTION } from "./generator.ts";
import type { Load } from "./load.ts";

const [name = "", seconds = "0", frames = "Infinity"] = process.argv.slice(2);
const load = JSON.parse(await Bun.stdin.text()) as Load;
using socket = new PacketSocket(name);
const generator = new LoadGenerator(socket, load);
const startNs = Bun.nanoseconds();
const endNs = startNs + Number(seconds) * 1e9;
generator.begin(startNs);
let nowNs = startNs;
while (nowNs < endNs && generator.sent < Number(frames)) {
  generator.send(nowNs, Math.min(PORTION, Number(frames) - generator.sent));
  nowNs = Bun.nanoseconds();
}
console.log(JSON.stringify({ sent: generator.sent, seconds: (nowNs - startNs) / 1e9 }));
