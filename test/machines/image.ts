/** Makes the disk of a machine once and keeps it: debootstrap, a kernel, an ext4 image. */

import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { run, spawn } from "../support/programs.ts";
import { binfmtOf } from "./binfmt.ts";
import { filesOf, FINISH, packagesOf, type Recipe } from "./recipe.ts";

/** The files that a machine boots by. */
export interface Image {
  readonly disk: string;
  readonly kernel: string;
  readonly initrd: string;
  /** The key of root's ssh. */
  readonly key: string;
}

/** Room for the packages of the steps, and little enough to be filled. */
const DISK_SIZE = "3G";

/** Without the features that bullseye's kernel does not know yet. */
const EXT4 = "^metadata_csum_seed,^orphan_file";

/** The environment of programs of the new system: nothing of ours. */
const CLEAN = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive"];

/** The image of a recipe below `cache`: the one that is there, unless the recipe has changed. */
export async function imageOf(recipe: Recipe, cache: string): Promise<Image> {
  const bare = recipe.beside.length === 0 ? "-bare" : "";
  const folder = join(cache, `${recipe.suite}-${recipe.arch}${bare}`);
  const [disk, kernel] = [join(folder, "disk"), join(folder, "kernel")];
  const image = { disk, kernel, initrd: join(folder, "initrd"), key: join(folder, "key") };
  const written = JSON.stringify([packagesOf(recipe), filesOf(), FINISH]);
  const kept = join(folder, "recipe.json");
  // It is written last: an image without it is half made.
  if (existsSync(kept) && readFileSync(kept, "utf8") === written) return image;
  console.log(`Making a minimal ${recipe.suite} for ${recipe.arch} that boots, in ${folder}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await make(recipe, join(folder, "root"), image);
  writeFileSync(kept, written);
  return image;
}

async function make(recipe: Recipe, root: string, image: Image): Promise<void> {
  const log = join(dirname(root), "make.log");
  using _ = binfmtOf(recipe.arch);
  const { arch, suite } = recipe;
  await logged(log, ["debootstrap", "--variant=minbase", `--arch=${arch}`, suite, root]);
  run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", image.key]);
  for (const { path, text, mode } of filesOf()) put(root + path, text, mode);
  put(`${root}/root/.ssh/authorized_keys`, readFileSync(`${image.key}.pub`, "utf8"), 0o600);
  // No service may start in a folder.
  put(`${root}/usr/sbin/policy-rc.d`, "#!/bin/sh\nexit 101\n", 0o755);
  const install = `apt-get update
    apt-get install -y --no-install-recommends -o Dpkg::Options::=--force-confold ${packagesOf(recipe).join(" ")}
    rm /usr/sbin/policy-rc.d`;
  await logged(log, [...CLEAN, "chroot", root, "sh", "-ec", install + FINISH]);
  const boot = readdirSync(join(root, "boot"));
  const copy = (prefix: string, to: string) =>
    copyFileSync(
      join(
        root,
        "boot",
        boot.find((name) => name.startsWith(prefix))!,
      ),
      to,
    );
  copy("vmlinuz-", image.kernel);
  copy("initrd.img-", image.initrd);
  await logged(log, ["mkfs.ext4", "-q", "-O", EXT4, "-d", root, image.disk, DISK_SIZE]);
  rmSync(root, { recursive: true, force: true });
}

function put(path: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
}

/** Runs a program that takes minutes; throws with the end of its output when it fails. */
async function logged(log: string, argv: readonly string[]): Promise<void> {
  const fd = openSync(log, "a");
  try {
    const code = await spawn(argv, { stdin: "ignore", stdout: fd, stderr: fd }).exited;
    if (code === 0) return;
    const said = readFileSync(log, "utf8").trimEnd().split("\n").slice(-15).join("\n");
    throw new Error(
      `Cannot make an image: ${argv.slice(0, 3).join(" ")} … exited with ${code}:\n${said}`,
    );
  } finally {
    closeSync(fd);
  }
}
