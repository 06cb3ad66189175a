/** A real sshd on a host of a lab, and what a client needs in order to log in there. */

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Host, Lab } from "./lab.ts";
import { run } from "./programs.ts";

/** Keys of one server and one client, in a folder that goes with its disposal; root logs in to root. */
export class SshKeys implements Disposable {
  readonly dir = mkdtempSync(join(tmpdir(), "sallyport-ssh-"));
  readonly id = join(this.dir, "id");

  constructor() {
    for (const name of ["id", "host"]) {
      run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", join(this.dir, name)]);
    }
  }

  /** Starts sshd on a host; it ends with the lab. `options` are of sshd_config, the first value counts. */
  serve(lab: Lab, host: Host, options: readonly string[] = []): void {
    mkdirSync("/run/sshd", { recursive: true });
    const all = [
      ...options,
      `AuthorizedKeysFile=${this.id}.pub`,
      "StrictModes=no",
      "PermitRootLogin=yes",
      "PidFile=none",
      "UsePAM=no",
      "Subsystem=sftp internal-sftp",
      // What the shell of this machine's root reads at its start is no part of a test.
      `SetEnv=HOME=${this.dir}`,
    ];
    lab.run(host, [
      ...["/usr/sbin/sshd", "-f", "/dev/null", "-h", join(this.dir, "host")],
      ...all.flatMap((option) => ["-o", option]),
    ]);
  }

  /** The host's key as PuTTY wants it named: "SHA256:…". */
  get fingerprint(): string {
    return run(["ssh-keygen", "-lf", join(this.dir, "host.pub")]).out.split(" ")[1]!;
  }

  /** What every client of a test is told, as lines of ssh_config. */
  get config(): string {
    return [
      "Host *",
      `  IdentityFile ${this.id}`,
      "  User root",
      "  StrictHostKeyChecking no",
      "  UserKnownHostsFile /dev/null",
      "  BatchMode yes",
      "  LogLevel ERROR",
      "",
    ].join("\n");
  }

  [Symbol.dispose](): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}
