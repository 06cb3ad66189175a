/** The way in which qemu runs a machine: emulated, or by this computer's KVM. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../support/programs.ts";
import type { Arch } from "./recipe.ts";

/** MOV AL,0x10; OUT 0xF4,AL; HLT: the device at that port ends qemu. */
const PROGRAM = [0xb0, 0x10, 0xe6, 0xf4, 0xf4];
const SECTOR_BYTES = 512;
const SIGNATURE = [0x55, 0xaa];
/** The device ends qemu with twice the value, plus one. */
const ENDED = 2 * 0x10 + 1;
/** Five times what the emulator takes. */
const MOST = "0.5s";

/**
 * The accelerator for a processor, as qemu names both. KVM only where it runs a small program, and soon: that of a guest
 * may be there, and die at the first register or take a hundred times as long as the emulator. Also only for "max": under
 * KVM another processor's missing instructions work all the same.
 */
export function acceleratorFor(arch: Arch, processor: string): "kvm" | "tcg" {
  const own = arch === "amd64" && process.arch === "x64";
  return own && /^max\b/.test(processor) && runsUnderKvm(processor) ? "kvm" : "tcg";
}

function runsUnderKvm(processor: string): boolean {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-kvm-"));
  try {
    const disk = join(folder, "disk");
    const sector = new Uint8Array(SECTOR_BYTES);
    sector.set(PROGRAM);
    sector.set(SIGNATURE, SECTOR_BYTES - SIGNATURE.length);
    writeFileSync(disk, sector);
    const { code } = run(
      [
        ...["timeout", "--signal=KILL", MOST],
        ...["qemu-system-x86_64", "-accel", "kvm", "-cpu", processor, "-machine", "pc"],
        ...["-nodefaults", "-display", "none", "-device", "isa-debug-exit,iobase=0xf4,iosize=4"],
        ...["-drive", `file=${disk},format=raw,if=ide`],
      ],
      { mayFail: true },
    );
    return code === ENDED;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
