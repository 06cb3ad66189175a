/** One machine: qemu with a disk of its own, switched on and off, and the commands that run in it. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { run, spawn } from "../support/programs.ts";
import { acceleratorFor } from "./accelerator.ts";
import { Console } from "./console.ts";
import { counterWords } from "./counter.ts";
import type { Image } from "./image.ts";
import type { Network } from "./network.ts";
import { CONSOLE_PORT, type Arch } from "./recipe.ts";

export interface Hardware {
  readonly arch: Arch;
  /** As qemu names it. */
  readonly processor: string;
  readonly megabytes: number;
  /** Words for the kernel. */
  readonly append: string;
}

/** A command in an emulated machine takes ten times as long as here. */
const COMMAND_MS = 120_000;

/** A boot under emulation takes half a minute, on a busy computer minutes. */
const BOOT_MS = 300_000;

/** Units that a minimal system starts and no step needs: seconds of each boot. */
const OFF = [
  "dev-hugepages.mount",
  "dev-mqueue.mount",
  "sys-kernel-debug.mount",
  "sys-kernel-tracing.mount",
  "sys-kernel-config.mount",
  "proc-sys-fs-binfmt_misc.automount",
  "modprobe@drm.service",
  "modprobe@fuse.service",
  "modprobe@configfs.service",
  "modprobe@efi_pstore.service",
  "modprobe@dm_mod.service",
  "modprobe@loop.service",
]
  .map((unit) => `systemd.mask=${unit}`)
  .join(" ");

const EMULATOR = {
  amd64: { program: "qemu-system-x86_64", board: "pc", serial: "ttyS0" },
  arm64: { program: "qemu-system-aarch64", board: "virt", serial: "ttyAMA0" },
} as const;

export interface MachineParts {
  readonly image: Image;
  readonly hardware: Hardware;
  readonly network: Network;
  /** The image of the disk with packages, read-only. */
  readonly luggage: string;
  /** An empty folder for its disk. */
  readonly folder: string;
}

export class Machine implements AsyncDisposable {
  readonly #parts: MachineParts;
  readonly #console: Console;
  readonly #disk: string;
  #emulator: Subprocess | undefined;
  /** The id of the boot that is known last. */
  #boot = "";

  /** Off, with a copy of the image. */
  constructor(parts: MachineParts) {
    this.#parts = parts;
    this.#disk = join(parts.folder, "disk");
    run(["cp", "--reflink=auto", "--sparse=always", parts.image.disk, this.#disk]);
    this.#console = new Console(join(parts.folder, "console"));
  }

  /** The words of kernel and systemd on the serial line, of all boots. */
  get serialLog(): string {
    const file = join(this.#parts.folder, "serial.log");
    return existsSync(file) ? readFileSync(file, "latin1") : "";
  }

  /** Resolves when commands can be run in it; services may still be on their way: `settled` waits for them. */
  async switchOn(): Promise<void> {
    this.#emulator = spawn(this.#argv(), {
      stdin: "ignore",
      stdout: Bun.file(join(this.#parts.folder, "qemu.log")),
      stderr: Bun.file(join(this.#parts.folder, "qemu.err")),
    });
    await this.#booted();
  }

  /** Pulls the plug: data that the kernel had not given to the disk is lost. */
  async cutPower(): Promise<void> {
    this.#emulator?.kill("SIGKILL");
    await this.#emulator?.exited;
    this.#emulator = undefined;
  }

  /** As `systemctl reboot`, until commands can be run again. */
  async reboot(): Promise<void> {
    // In a moment, so that this command is answered before its shell ends.
    await this.run("(sleep 0.3; systemctl reboot) >/dev/null 2>&1 &");
    await this.#booted();
  }

  /** Waits until systemd has started all services of the boot. */
  async settled(): Promise<void> {
    await this.run("systemctl is-system-running --wait || true", { mostMs: BOOT_MS });
  }

  /** Runs a script of bash in it and answers its output; throws with that where it fails, unless `mayFail`. */
  async run(
    script: string,
    { mostMs = COMMAND_MS, mayFail = false }: { mostMs?: number; mayFail?: boolean } = {},
  ): Promise<string> {
    const { code, out } = await this.#console.run(script, mostMs);
    if (code !== 0 && !mayFail) throw new Error(`exit code ${code}: ${out}\nof ${script.trim()}`);
    return out;
  }

  async #booted(): Promise<void> {
    const { folder } = this.#parts;
    const died = this.#emulator!.exited.then((code) => {
      const said = readFileSync(join(folder, "qemu.err"), "utf8");
      throw new Error(`qemu ended with ${code}: ${said.trim()}`);
    });
    this.#boot = await Promise.race([this.#console.booted(this.#boot, BOOT_MS), died]);
  }

  #argv(): string[] {
    const { image, hardware, luggage, folder, network } = this.#parts;
    const { program, board, serial } = EMULATOR[hardware.arch];
    const accelerator = acceleratorFor(hardware.arch, hardware.processor);
    const steady = hardware.arch === "amd64" ? counterWords() : "";
    const append = `root=/dev/vda rw console=${serial} panic=5 loglevel=4 mitigations=off no_timer_check ${OFF} ${steady} ${hardware.append}`;
    const drive = (file: string, more: string) => [
      "-drive",
      `file=${file},format=raw,if=virtio,${more}`,
    ];
    return [
      // It ends with this process, however that ends.
      ...["setpriv", "--pdeathsig", "KILL", ...network.here([program])],
      ...["-accel", accelerator === "kvm" ? "kvm" : "tcg,thread=multi"],
      ...["-machine", board, "-cpu", hardware.processor],
      ...["-smp", "2", "-m", String(hardware.megabytes), "-nodefaults", "-display", "none"],
      ...["-kernel", image.kernel, "-initrd", image.initrd, "-append", append],
      ...drive(this.#disk, "cache=unsafe"),
      ...drive(luggage, "readonly=on"),
      ...["-netdev", "tap,id=wire,ifname=wire,script=no,downscript=no"],
      ...["-device", "virtio-net-pci,netdev=wire,romfile=,mac=52:54:00:79:00:02"],
      // Old processors have no random numbers of their own, and keys wait for them.
      ...["-device", "virtio-rng-pci"],
      ...["-chardev", `socket,id=console,path=${join(folder, "console")}`],
      ...[
        "-device",
        "virtio-serial-pci",
        "-device",
        `virtserialport,chardev=console,name=${CONSOLE_PORT}`,
      ],
      ...[
        "-chardev",
        `file,id=serial,path=${join(folder, "serial.log")},append=on`,
        "-serial",
        "chardev:serial",
      ],
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cutPower();
    this.#console[Symbol.dispose]();
  }
}
