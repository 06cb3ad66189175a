/** Further calls of the C library: the rare ones, which the data plane does not make. */

import { openLibrary } from "./library.ts";

function open() {
  return openLibrary(
    {
      sonames: ["libc.so.6", `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`],
      packages: "libc6 (Debian), glibc (Fedora) or musl (Alpine)",
    },
    {
      sendto: {
        args: [
          "i32", // int sockfd
          "ptr", // const void *buf
          "u64", // size_t len
          "i32", // int flags
          "ptr", // const struct sockaddr *dest_addr
          "u32", // socklen_t addrlen
        ],
        returns: "i32", // ssize_t; no call here moves 2 GiB
      },
      sendmsg: {
        args: [
          "i32", // int sockfd
          "ptr", // const struct msghdr *msg
          "i32", // int flags
        ],
        returns: "i32", // ssize_t; no call here moves 2 GiB
      },
      setpriority: {
        args: [
          "i32", // int which
          "u32", // id_t who
          "i32", // int prio
        ],
        returns: "i32", // int
      },
      sched_setscheduler: {
        args: [
          "i32", // pid_t pid
          "i32", // int policy
          "ptr", // const struct sched_param *param
        ],
        returns: "i32", // int
      },
      setrlimit: {
        args: [
          "i32", // int resource
          "ptr", // const struct rlimit *rlim
        ],
        returns: "i32", // int
      },
      listen: {
        args: [
          "i32", // int sockfd
          "i32", // int backlog
        ],
        returns: "i32", // int
      },
      connect: {
        args: [
          "i32", // int sockfd
          "ptr", // const struct sockaddr *addr
          "u32", // socklen_t addrlen
        ],
        returns: "i32", // int
      },
      getsockname: {
        args: [
          "i32", // int sockfd
          "ptr", // struct sockaddr *addr
          "ptr", // socklen_t *addrlen
        ],
        returns: "i32", // int
      },
      getsockopt: {
        args: [
          "i32", // int sockfd
          "i32", // int level
          "i32", // int optname
          "ptr", // void *optval
          "ptr", // socklen_t *optlen
        ],
        returns: "i32", // int
      },
      getxattr: {
        args: [
          "ptr", // const char *path
          "ptr", // const char *name
          "ptr", // void *value
          "u64", // size_t size
        ],
        returns: "i32", // ssize_t; no attribute is 2 GiB
      },
      madvise: {
        args: [
          "u64", // void *addr
          "u64", // size_t length
          "i32", // int advice
        ],
        returns: "i32", // int
      },
      timerfd_create: {
        args: [
          "i32", // int clockid
          "i32", // int flags
        ],
        returns: "i32", // int
      },
      timerfd_settime: {
        args: [
          "i32", // int fd
          "i32", // int flags
          "ptr", // const struct itimerspec *new_value
          "ptr", // struct itimerspec *old_value
        ],
        returns: "i32", // int
      },
      adjtimex: {
        args: [
          "ptr", // struct timex *buf
        ],
        returns: "i32", // int
      },
      flock: {
        args: [
          "i32", // int fd
          "i32", // int operation
        ],
        returns: "i32", // int
      },
      setfsuid: {
        args: [
          "u32", // uid_t fsuid
        ],
        returns: "u32", // int: the id before
      },
      setfsgid: {
        args: [
          "u32", // gid_t fsgid
        ],
        returns: "u32", // int: the id before
      },
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
      alarm: {
        args: [
          "u32", // unsigned int seconds
        ],
        returns: "u32", // unsigned int
      },
      _exit: {
        args: [
          "i32", // int status
        ],
        returns: "void",
      },
      syscall: {
        args: [
          "i64", // long number
          "i64", // ...: the arguments of bpf(2), (int cmd, union bpf_attr *attr, unsigned int size),
          // or of setgroups(2), (size_t size, const gid_t *list)
          "ptr",
          "i64",
        ],
        returns: "i64", // long
      },
    },
  ).symbols;
}

/** One per thread, like `libc()`. */
let opened: ReturnType<typeof open> | undefined;

/**
 * The functions, opened on first use. After one fails, call `errno()` of libc.ts before anything
 * else.
 */
export function libcCalls(): ReturnType<typeof open> {
  opened ??= open();
  return opened;
}
