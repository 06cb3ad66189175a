/** The two programs that play in the demo, run by the executable itself inside the namespaces. */

import { createConnection, createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";

/** How long a closed door may keep a probe waiting. */
const PROBE_MS = 700;

/** A real service: greets every connection and echoes what it hears. Runs until it is killed. */
export async function playService(port: number): Promise<void> {
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.write("welcome\n");
    socket.pipe(socket);
  });
  server.listen(port, "0.0.0.0", () => process.stdout.write("listening\n"));
  await new Promise(() => undefined);
}

/** The outcome of a connection attempt: the text of the service, or why there is none. */
function connect(host: string, port: number): Promise<{ socket?: Socket; heard: string }> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port, autoSelectFamily: false });
    const give = (heard: string) => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ heard });
    };
    const timer = setTimeout(() => give("no answer"), PROBE_MS);
    socket.once("error", () => give("refused"));
    socket.once("data", (data) => {
      clearTimeout(timer);
      resolve({ socket, heard: data.toString().trim() });
    });
  });
}

/**
 * Obeys one word a line: "probe" tries a new connection, "connect" tries one and keeps it, "say"
 * uses the kept one.
 */
export async function playVisitor(host: string, port: number): Promise<void> {
  let kept: Socket | undefined;
  const say = () =>
    new Promise<string>((resolve) => {
      if (kept === undefined || kept.destroyed) {
        resolve("no connection");
        return;
      }
      const timer = setTimeout(() => resolve("no answer"), PROBE_MS);
      kept.once("data", (data) => {
        clearTimeout(timer);
        resolve(data.toString().trim());
      });
      kept.write("still here\n");
    });
  for await (const word of createInterface({ input: process.stdin })) {
    if (word === "say") {
      process.stdout.write(`${await say()}\n`);
      continue;
    }
    const { socket, heard } = await connect(host, port);
    if (word === "connect") kept = socket;
    else socket?.destroy();
    process.stdout.write(`${heard}\n`);
  }
  kept?.destroy();
}
