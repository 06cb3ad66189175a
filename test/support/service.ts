/** A TCP service on a host of a lab that greets and then echoes, and probes of it from other hosts. */

import type { Host, Lab } from "./lab.ts";

/** Says "hello" to every connection and echoes what comes; listens on both families. */
const ECHO = `
import socketserver, socket, sys
class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(b"hello\\n")
        while data := self.request.recv(4096): self.request.sendall(data)
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    address_family = socket.AF_INET6
    request_queue_size = 1024
    def handle_error(self, *_): pass
with Server(("::", int(sys.argv[1])), Echo) as server:
    print("listening", flush=True)
    server.serve_forever()
`;

/** Starts the service and waits until it listens; it ends with the lab. */
export async function startEcho(lab: Lab, host: Host, port: number): Promise<void> {
  const child = lab.start(host, ["python3", "-c", ECHO, String(port)]);
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  if (value === undefined) throw new Error(await new Response(child.stderr).text());
}

const PROBE = `
import socket, sys
try:
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=float(sys.argv[3])) as c:
        print("open" if c.recv(5) == b"hello" else "mute")
except ConnectionRefusedError: print("refused")
except ConnectionResetError: print("reset")
except TimeoutError: print("silent")
except OSError as error: print(error.strerror)
`;

export type Answer = "open" | "refused" | "silent" | "reset" | "mute";

/** The result of a connection from `host`: "open" only when the service itself says hello. */
export function probe(lab: Lab, host: Host, address: string, port: number, seconds = 1): Answer {
  const { out } = lab.run(host, ["python3", "-c", PROBE, address, String(port), String(seconds)]);
  return out.trim() as Answer;
}
