/** The dynamic loader: libraries by their own names, and addresses in them to pass to C. */

import { CString } from "bun:ffi";
import { bindLibrary } from "./bind-library.ts";

/** dlfcn.h */
const RTLD_LAZY = 1;

function open() {
  // glibc before 2.34 has these functions in a library of their own, which Bun itself is linked with. A later
  // one still ships that library and finds them through it; musl takes the name for its own.
  return bindLibrary("libdl.so.2", "libc6 (Debian), glibc (Fedora) or musl (Alpine)", {
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
    dlerror: {
      args: [],
      returns: "ptr", // char *
    },
  }).symbols;
}

let opened: ReturnType<typeof open> | undefined;

/** The functions, opened on first use. */
export function loader(): ReturnType<typeof open> {
  opened ??= open();
  return opened;
}

/** Opens a library where the system has it, for good. Returns true, or a clause that says why it does not open. */
export function load(soname: string): true | string {
  const { dlopen, dlerror } = loader();
  if (dlopen(Buffer.from(`${soname}\0`), RTLD_LAZY) !== null) return true;
  const why = dlerror();
  return why === null ? `${soname} does not open` : new CString(why);
}
