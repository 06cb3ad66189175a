/** Becomes another program that has no privilege and cannot gain any. */

import { ptr } from "bun:ffi";
import { Errno } from "./errno.ts";
import { cString, errno, failure } from "./libc.ts";
import { openLibrary } from "./library.ts";

/** sys/prctl.h, linux/securebits.h */
const PR_CAPBSET_DROP = 24;
const PR_SET_SECUREBITS = 28;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_CLEAR_ALL = 4;
/** SECBIT_NOROOT | SECBIT_NOROOT_LOCKED: uid 0 alone gives nothing any more */
const NOROOT = 0x3;
/** linux/capability.h: _LINUX_CAPABILITY_VERSION_3, and two words of each set */
const CAPABILITY_VERSION_3 = 0x2008_0522;
const LAST_CAPABILITY = 63;

function load() {
  return openLibrary(
    {
      sonames: ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"],
      packages: "glibc or musl",
    },
    {
      prctl: {
        args: [
          "i32", // int option
          "u64", // unsigned long arg2
          "u64", // unsigned long arg3
          "u64", // unsigned long arg4
          "u64", // unsigned long arg5
        ],
        returns: "i32", // int
      },
      capset: {
        args: [
          "ptr", // cap_user_header_t
          "ptr", // const cap_user_data_t
        ],
        returns: "i32", // int
      },
      execve: {
        args: [
          "ptr", // const char *pathname
          "ptr", // char *const argv[]
          "ptr", // char *const envp[]
        ],
        returns: "i32", // int
      },
    },
  ).symbols;
}

/** Keeps the strings alive as long as the array of their addresses. */
function stringArray(texts: readonly string[]): {
  readonly array: BigUint64Array;
  readonly kept: Uint8Array[];
} {
  const kept = texts.map(cString);
  return { array: BigUint64Array.from([...kept.map((text) => BigInt(ptr(text))), 0n]), kept };
}

/**
 * Gives up every capability, for good (bounding, ambient and inheritable sets, setuid and file
 * capabilities of what it becomes), then becomes `argv[0]`, an absolute path, with the environment
 * given. Returns only by throwing OpError. Everything here is of the calling thread, which is the one
 * that survives.
 */
export function bareExec(argv: readonly string[], env: Readonly<Record<string, string>>): never {
  const libc = load();
  // Without CAP_SETPCAP the first two are refused, and then there is no root to take anything from.
  libc.prctl(PR_SET_SECUREBITS, NOROOT, 0, 0, 0);
  for (let capability = 0; capability <= LAST_CAPABILITY; capability++) {
    libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  }
  const program = argv[0] ?? "";
  const drop = (status: number) => {
    if (status === 0) return;
    throw failure(errno(), {
      operation: "take the privileges from",
      object: program,
      remedy: "use a kernel of version 4.3 or later",
    });
  };
  drop(libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
  drop(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  drop(libc.capset(new Uint32Array([CAPABILITY_VERSION_3, 0]), new Uint32Array(6)));
  const path = cString(program);
  const words = stringArray(argv);
  const environment = stringArray(Object.entries(env).map(([name, value]) => `${name}=${value}`));
  libc.execve(path, words.array, environment.array);
  const code = errno();
  throw failure(code, {
    operation: "run",
    object: program,
    remedy:
      code === Errno.EACCES
        ? "make it executable for everybody who may run it"
        : "name a program that exists",
  });
}
