/** Bugs in configurations that come, go and are kept. */

import { mutation, type Mutation } from "./mutation.ts";

export const RELOADS: readonly Mutation[] = [
  mutation(
    "a text gets its name before the disk has it",
    "files/place-text.ts",
    "      writeFileSync(fd, text);\n      fsyncSync(fd);",
    "      writeFileSync(fd, text);",
  ),
  mutation(
    "a confirmation leaves the configuration before to return",
    "control-plane/reloader.ts",
    "      this.#before = undefined;\n      this.#enter(this.#parts.current());",
    "      this.#parts.entered(this.#parts.current(), this.#parts.current());",
  ),
  mutation(
    "a reload that the kernel refuses leaves the new knocks in force",
    "control-plane/reloader.ts",
    "    } catch (error) {\n      await configure(before.plan);\n      throw error;\n    }\n    this.#before = fallback;",
    "    } catch (error) {\n      throw error;\n    }\n    this.#before = fallback;",
  ),
  mutation(
    "a reload hears by the new configuration only",
    "control-plane/guard/guard-audit.ts",
    "    this.#guardLoader.adoptNew(next);\n    if (armMs === undefined) {\n      this.#guardLoader.load(next);\n      return;",
    "    this.#guardLoader.adoptNew(next);\n    if (armMs === undefined) {\n      void next;\n      return;",
  ),
  mutation(
    "a reload forgets what is not confirmed",
    "control-plane/reloader.ts",
    "this.#notice = undefined;\n    this.#enter(next);",
    "this.#notice = undefined;\n    this.#parts.entered(next, next);",
  ),
  mutation(
    "other keys make an unconfirmed configuration the one that worked last",
    "control-plane/reloader.ts",
    "await this.#parts.configure(next.plan);\n      this.#enter(next);",
    "await this.#parts.configure(next.plan);\n      this.#parts.entered(next, next);",
  ),
  mutation(
    "a restart makes an unconfirmed configuration the one that worked last",
    "control-plane/last-keeper.ts",
    'this.#guardState() === "permanent" ? next.toml : undefined',
    "next.toml",
  ),
  mutation(
    "a broken file ends the daemon's start",
    "control-plane/last-config.ts",
    "if (stateDirs.length === 0 || !mayFallBack()) throw refusal;",
    "if (stateDirs.length >= 0) throw refusal;",
  ),
];
