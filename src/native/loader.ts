/** The dynamic loader: libraries by their own names, and addresses in them to pass to C. */

import { openLibrary } from "./library.ts";

function open() {
  return openLibrary(
    {
      // glibc before 2.34 has these two functions in a library of their own. A later one still
      // ships that library and finds them through it. Bun itself is linked with it.
      sonames: ["libdl.so.2", `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`],
      packages: "libc6 (Debian), glibc (Fedora) or musl (Alpine)",
    },
    {
      dlopen: {
        args: [
          "ptr", // const char *filename
          "i32", // int flags
        ],
        returns: "ptr", // void *
      },
      dlsym: {
        args: [
          "ptr", // void *handle
          "ptr", // const char *symbol
        ],
        returns: "ptr", // void *
      },
    },
  ).symbols;
}

let opened: ReturnType<typeof open> | undefined;

/** The functions, opened on first use. */
export function loader(): ReturnType<typeof open> {
  opened ??= open();
  return opened;
}
