/** A TCP or UDP session from a host of a lab to an echo service, held open and driven step by step. */

import type { Host, Lab } from "./lab.ts";
import { linesOf } from "./lines.ts";

const SESSION = `
import socket, struct, sys
proto, address, port, source_port = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
family = socket.AF_INET6 if ":" in address else socket.AF_INET
kind = socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM
c = socket.socket(family, kind)
c.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
c.settimeout(1)
def attempt(f):
    try: return f()
    except (ConnectionRefusedError, ConnectionResetError, BrokenPipeError): return "refused"
    except TimeoutError: return "silent"
    except OSError as error: return error.strerror
def connect():
    if source_port: c.bind(("", source_port))
    c.connect((address, port))
    if proto == "udp": return "open"
    return "open" if c.recv(6) == b"hello\\n" else "mute"
def echo(text):
    c.send(text.encode())
    return "echoed" if c.recv(4096) == text.encode() else "mute"
print(attempt(connect), flush=True)
for line in sys.stdin:
    verb, _, text = line.rstrip("\\n").partition(" ")
    if verb == "echo": print(attempt(lambda: echo(text)), flush=True)
    if verb == "reset":
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        c.close()
        print("reset", flush=True)
`;
import { spawn } from "./programs.ts";

export type Said = "open" | "echoed" | "refused" | "silent" | "mute" | "reset";

type Child = Bun.Subprocess<"pipe", "pipe", "inherit">;

export interface SessionOptions {
  readonly proto?: "tcp" | "udp";
  /** Default: the kernel's choice. */
  readonly sourcePort?: number;
}

/** Ends with its disposal; sends and answers are strictly in turn. */
export class Session implements Disposable {
  /** The result of connecting: "open" only when the service said hello (UDP: always). */
  readonly met: Said;
  readonly #child: Child;
  readonly #lines: AsyncIterator<string>;

  private constructor(met: Said, child: Child, lines: AsyncIterator<string>) {
    this.met = met;
    this.#child = child;
    this.#lines = lines;
  }

  static async open(
    lab: Lab,
    host: Host,
    address: string,
    port: number,
    { proto = "tcp", sourcePort = 0 }: SessionOptions = {},
  ): Promise<Session> {
    const child = spawn(
      [
        "ip",
        "netns",
        "exec",
        lab.namespace(host),
        "python3",
        "-c",
        SESSION,
        proto,
        address,
        String(port),
        String(sourcePort),
      ],
      { stdin: "pipe", stdout: "pipe", stderr: "inherit" },
    );
    const lines = linesOf(child.stdout);
    const { value } = await lines.next();
    return new Session(value as Said, child, lines);
  }

  /** Sends a line and waits up to a second for it to come back. */
  echo(text = "ping"): Promise<Said> {
    return this.#tell(`echo ${text}`);
  }

  /** Ends the connection with RST, so that the peer keeps no state of it. */
  reset(): Promise<Said> {
    return this.#tell("reset");
  }

  async #tell(line: string): Promise<Said> {
    void this.#child.stdin.write(`${line}\n`);
    await this.#child.stdin.flush();
    const { value } = await this.#lines.next();
    return value as Said;
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }
}
