/**
 * The common parts of sallyport's peers: a folder, a process on the server of a lab, and an end.
 */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Lab } from "./lab.ts";

type Child = ReturnType<Lab["start"]>;

/**
 * Reads the output of a child until `pattern`; throws with all of it when the child ends before.
 */
export async function waitFor(stream: ReadableStream<Uint8Array>, pattern: RegExp): Promise<void> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  for (let said = ""; !pattern.test(said);) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`No line like ${pattern}: ${said}`);
    said += decoder.decode(value, { stream: true });
  }
  reader.releaseLock();
  void drain(stream);
}

/** A full pipe would stop the daemon. */
export async function drain(stream: ReadableStream<Uint8Array>): Promise<void> {
  for await (const _ of stream) continue;
}

export abstract class PeerDaemon implements Disposable {
  protected readonly lab: Lab;
  protected readonly dir = mkdtempSync(join(tmpdir(), "sallyport-peer-"));
  protected child: Child | undefined;

  constructor(lab: Lab) {
    this.lab = lab;
  }

  /** Ends every process of the daemon, as systemd does with a service that is killed. */
  abstract kill(): void;

  /** The processes on the server that bear a name. */
  pidsOf(name: string): number[] {
    const { out } = this.lab.run("server", ["ip", "netns", "pids", this.lab.namespace("server")]);
    return out
      .split("\n")
      .filter(Boolean)
      .map(Number)
      .filter((pid) => {
        try {
          const argv = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
          return argv.some((word) => word.endsWith(name));
        } catch {
          return false; // it ended by itself in between
        }
      });
  }

  protected killNamed(name: string): void {
    for (const pid of this.pidsOf(name)) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It ended by itself in between.
      }
    }
  }

  [Symbol.dispose](): void {
    this.kill();
    rmSync(this.dir, { recursive: true, force: true });
  }
}
