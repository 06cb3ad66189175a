/** A TCP service that ends its connections in the ways a carrier of bytes has to tell apart. */

import type { Host, Lab } from "./lab.ts";
import { linesOf } from "./lines.ts";

/**
 * The first line says what to do. "count": read to the end, then answer how many bytes came. "first":
 * say "bye", end one's own half, and read on. "reset": end with RST.
 */
const SERVICE = `
import socket, socketserver, struct, sys
class Odd(socketserver.StreamRequestHandler):
    def handle(self):
        verb = self.rfile.readline().strip()
        if verb == b"count": self.wfile.write(b"%d" % len(self.rfile.read()))
        if verb == b"first":
            self.wfile.write(b"bye")
            self.request.shutdown(socket.SHUT_WR)
            self.rfile.read()
        if verb == b"reset":
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.request.close()
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    address_family = socket.AF_INET6
    def handle_error(self, *_): pass
    def shutdown_request(self, request): request.close()
with Server(("::", int(sys.argv[1])), Odd) as server:
    print("listening", flush=True)
    server.serve_forever()
`;

/** Starts the service, which ends with the lab. */
export async function startOddService(lab: Lab, host: Host, port: number): Promise<void> {
  const child = lab.start(host, ["python3", "-c", SERVICE, String(port)]);
  const { done } = await linesOf(child.stdout).next();
  if (done === true) throw new Error(await new Response(child.stderr).text());
}
