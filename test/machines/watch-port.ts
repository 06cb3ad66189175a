/** Tries a port from outside of the machine all the time, and says whether it was ever open. */

import type { Network } from "./network.ts";

/** Python, since it tells a refusal from an address that cannot be reached. Ends when its input does. */
const WATCH = `
import errno, json, select, socket, sys, time
port, addresses = int(sys.argv[1]), sys.argv[2:]
EVERY, PATIENCE = 0.02, 1
seen = {"attempts": 0, "refused": 0, "open": [], "pauseMs": 0}
waiting = {}
due = last = time.monotonic()

def judge(error, address, sent):
    if error == 0: seen["open"].append([address, time.strftime("%T", time.gmtime(sent)) + f".{int(sent % 1 * 1000):03d}"])
    if error == errno.ECONNREFUSED: seen["refused"] += 1

def attempt():
    address = addresses[seen["attempts"] % len(addresses)]
    seen["attempts"] += 1
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    s.setblocking(False)
    sent = time.time()
    error = s.connect_ex((address, port))
    if error == errno.EINPROGRESS: waiting[s] = (address, sent)
    else: judge(error, address, sent)

while True:
    if (now := time.monotonic()) >= due:
        seen["pauseMs"] = max(seen["pauseMs"], round((now - last) * 1000))
        last = now
        attempt()
        due = max(due + EVERY, now)
    ended, ready, _ = select.select([sys.stdin], list(waiting), [], max(0, due - time.monotonic()))
    for s in ready: judge(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), *waiting[s])
    late = [s for s, (_, sent) in waiting.items() if sent + PATIENCE < time.time()]
    for s in {*ready, *late}:
        del waiting[s]
        s.close()
    if ended: break
print(json.dumps(seen))
`;

export interface Watched {
  readonly attempts: number;
  /** Attempts that the machine answered; others met silence or nobody. */
  readonly refused: number;
  /** Attempts that were let in: the address, and when they were sent, UTC, to be found in the machine's journal. */
  readonly open: readonly (readonly [address: string, at: string])[];
  /** The longest time between two attempts: on a busy computer more than 20 ms. */
  readonly pauseMs: number;
}

export interface PortWatch {
  /** Ends it. */
  stop(): Promise<Watched>;
}

/** Begins to try a port of these addresses in turn, every 20 ms. */
export function watchPort(network: Network, addresses: readonly string[], port: number): PortWatch {
  const child = network.start(["python3", "-c", WATCH, String(port), ...addresses]);
  const said = new Response(child.stdout).text();
  return {
    stop: async () => {
      await child.stdin.end();
      return JSON.parse(await said) as Watched;
    },
  };
}
