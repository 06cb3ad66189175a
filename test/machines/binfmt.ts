/** Lets this machine run the programs of another processor while an image of that is made. */

import { existsSync, writeFileSync } from "node:fs";
import { run } from "../support/programs.ts";
import type { Arch } from "./recipe.ts";

const FOLDER = "/proc/sys/fs/binfmt_misc";
const NAME = "sallyport-arm64";

/** How an ELF file for arm64 begins, which of these bits count, and who runs it ("F": opened now, from this root). */
const ARM64 =
  String.raw`\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00` +
  String.raw`:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff` +
  ":/usr/bin/qemu-aarch64-static:F";

/** Until its disposal; nothing to do for our own processor, nor where the system has seen to it. */
export function binfmtOf(arch: Arch): Disposable {
  const native = process.arch === "x64" ? "amd64" : process.arch;
  if (arch === native || existsSync(`${FOLDER}/qemu-aarch64`)) return { [Symbol.dispose]() {} };
  if (!existsSync(`${FOLDER}/register`)) run(["mount", "-t", "binfmt_misc", "none", FOLDER]);
  if (!existsSync(`${FOLDER}/${NAME}`)) writeFileSync(`${FOLDER}/register`, `:${NAME}:M::${ARM64}`);
  return { [Symbol.dispose]: () => writeFileSync(`${FOLDER}/${NAME}`, "-1") };
}
