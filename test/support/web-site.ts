/** A web site on a host of a lab: a page with many pictures, over http and https. */

import { join } from "node:path";
import type { Host, Lab } from "./lab.ts";
import { linesOf } from "./lines.ts";
import { run } from "./programs.ts";

/** How many pictures the page has: a browser asks for several at once. */
export const PICTURES = 12;

/** Every picture is one green pixel. Each answer ends its connection, so that each picture needs one. */
const SITE = `
import http.server, ssl, sys, threading
PAGE = b"<title>behind the door</title>" + b"".join(b"<img src=/%d.svg>" % i for i in range(${PICTURES}))
PICTURE = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9" fill="green"/></svg>'
class Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body, kind = (PICTURE, "image/svg+xml") if self.path.endswith(".svg") else (PAGE, "text/html")
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 256
    def handle_error(self, *_): pass
plain = Server(("10.77.0.1", 80), Site)
secure = Server(("10.77.0.1", 443), Site)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1])
secure.socket = context.wrap_socket(secure.socket, server_side=True, do_handshake_on_connect=False)
print("listening", flush=True)
threading.Thread(target=plain.serve_forever, daemon=True).start()
secure.serve_forever()
`;

/** Starts it, with a certificate that it makes in `dir`; it ends with the lab. */
export async function startWebSite(lab: Lab, host: Host, dir: string): Promise<void> {
  const [key, certificate, both] = ["key", "cert", "pem"].map((name) => join(dir, `web.${name}`));
  run([
    ...["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
    ...["-nodes", "-subj", "/CN=gate.example", "-days", "2", "-keyout", key!, "-out", certificate!],
  ]);
  run(["sh", "-c", `cat ${key} ${certificate} > ${both}`]);
  const child = lab.start(host, ["python3", "-c", SITE, both!]);
  const { done } = await linesOf(child.stdout).next();
  if (done === true) throw new Error(await new Response(child.stderr).text());
}
