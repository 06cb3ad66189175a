/** What people and programs do to a server all day, each at its own pace. */

import { doorTables, type RunningSallyport } from "../bench/contestants/sallyport.ts";
import type { Stage } from "../bench/stage.ts";

export interface Deed {
  readonly name: string;
  /** Real seconds between two of them. */
  readonly everySeconds: number;
  /** Throws where the daemon did not do what it was asked for. */
  do(): void | Promise<void>;
}

/** An address of nobody who knocks. */
const BY_HAND = "192.0.2.7";

export function deedsOf(stage: Stage, { server, keys }: RunningSallyport): Deed[] {
  const command = (...argv: string[]) => {
    const { code, err } = server.command(...argv);
    if (code !== 0) throw new Error(`sallyport ${argv.join(" ")}: ${err}`);
  };
  const read = async (path: string) => {
    const { status } = await server.control(path);
    if (status !== 200) throw new Error(`${path}: ${status}`);
  };
  let reloads = 0;
  return [
    { name: "status read", everySeconds: 1, do: () => read("/v1/status") },
    { name: "grants listed", everySeconds: 7, do: () => read("/v1/grants") },
    {
      name: "health asked",
      everySeconds: 5,
      do: () => void stage.lab.run("server", ["curl", "-sf", "http://127.0.0.1:7878/healthz"]),
    },
    {
      name: "opened and closed by hand",
      everySeconds: 23,
      do: () => {
        command("open", "door0", BY_HAND, "--for", "20s");
        command("close", BY_HAND);
      },
    },
    {
      name: "key added and removed",
      everySeconds: 97,
      do: () => {
        command("user", "add", "guest", "--host", "10.77.0.1");
        command("user", "remove", "guest", "--yes");
      },
    },
    {
      name: "reloaded, with another time to open",
      everySeconds: 61,
      do: () => {
        server.writeConfig(doorTables({ users: keys.length, openSeconds: 2 + (++reloads % 2) }));
        command("reload");
      },
    },
    {
      name: "rule set flushed by another program",
      everySeconds: 131,
      do: () => void stage.lab.run("server", ["nft", "flush", "ruleset"]),
    },
    { name: "asked why", everySeconds: 41, do: () => command("why", BY_HAND) },
  ];
}
