/** Bugs in keys that go. */

import { mutation, type Mutation } from "./mutation.ts";

export const KEYS: readonly Mutation[] = [
  mutation(
    "a grant of a removed key that the kernel keeps is forgotten",
    "control-plane/owed-closes.ts",
    "refusals.push(messageOf(error));",
    "refusals.push(messageOf(error));\n        this.#ids.delete(id);",
  ),
  mutation(
    "a removed key keeps its grants",
    "control-plane/lost-keys.ts",
    "user !== undefined && isGone(user, device)",
    'user === "" && isGone(user, device)',
  ),
  mutation(
    "knocks of a removed key are heard until the next reload",
    "control-plane/reloader.ts",
    "await this.#parts.configure(next.plan);",
    "",
  ),
  mutation(
    "a removed key returns with the configuration before",
    "control-plane/reloader.ts",
    "const before = withKeysOf(this.#before, now);",
    "const before = withKeysOf(this.#before, this.#before);",
  ),
  mutation(
    "a removed key keeps its sessions",
    "control-plane/key-removal.ts",
    "const sessions = await cutOf(removal, isGone);",
    "const sessions: Place[] = [];",
  ),
  mutation(
    "a removed key loses one grant only",
    "control-plane/key-removal.ts",
    "grantsCutOff(await grants(), isGone).map(",
    "grantsCutOff(await grants(), isGone).slice(0, 1).map(",
  ),
  mutation(
    "a removed key ends the grants of others",
    "control-plane/lost-keys.ts",
    "user !== undefined && isGone(user, device)",
    "user !== undefined",
  ),
];
