/** What is set up already. */

import { existsSync } from "node:fs";
import { requireServiceTrust, SERVICE_CONFIG } from "../config/find.ts";
import { loadSettings } from "../config/load.ts";
import type { Settings } from "../config/settings.ts";
import { isGuarding } from "../control-plane/guard/guard-lock.ts";
import { loadKeys } from "../keys/keys.ts";
import { ENABLED } from "../service/places.ts";
import { isExample } from "./example.ts";
import type { Present } from "./steps.ts";

/** Throws a SallyportError for a configuration that is refused, also as one that others could have written. */
export function readPresent(config: string): Present {
  const guards = isGuarding() === "yes";
  const exists = existsSync(config);
  // The example of a package is nobody's decision, unless somebody has started it.
  const replaces = exists && !guards && isExample(config);
  // Nobody vouches for the service's own file by leaving it where it is.
  if (exists && config === SERVICE_CONFIG) requireServiceTrust(config);
  return {
    settings: exists && !replaces ? loadSettings(config) : undefined,
    replaces,
    enabled: Object.values(ENABLED).every((link) => existsSync(link)),
    guards,
  };
}

/** Users with a key. Throws a SallyportError for keys that are refused. */
export function readKeyed({ server }: Settings): ReadonlySet<string> {
  return new Set(loadKeys(server.stateDir).map(({ user }) => user));
}
