/** A shell with one job, for tests of programs that are stopped, continued or ended at a terminal. */

/**
 * The beginning of a Python script: starts the program of `argv` (a Python expression) as the job in the foreground of a
 * terminal of its own, and its parent as a shell does. What follows, indented, is the shell: `job` is the process, and it
 * tells by `os.write(tell, …)`, which is read from `told`. `master` is the terminal's other end.
 */
export function jobShell(argv: string): string {
  return `
import fcntl, os, pty, select, signal, sys, termios, time
master, terminal = pty.openpty()
told, tell = os.pipe()
leader = os.fork()
if leader == 0:
    os.setsid()
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    for number in range(3): os.dup2(terminal, number)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    job = os.fork()
    if job == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        program = ${argv}
        os.execvp(program[0], program)`;
}
