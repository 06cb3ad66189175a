/** Bugs in the commands of doors, and what is owed of them. */

import { mutation, type Mutation } from "./mutation.ts";

export const COMMANDS: readonly Mutation[] = [
  mutation(
    "a debt waits by a clock that was set back",
    "control-plane/commands/door-commands.ts",
    "const leftMs = Math.min(endsMs - wallMs, lifeMs);",
    "const leftMs = Math.min(endsMs - wallMs, Infinity * lifeMs);",
  ),
  mutation(
    "a door that was opened again leaves the earlier debt due",
    "control-plane/commands/door-commands.ts",
    "const adopted = this.#orphans.some((orphan) => orphan.grant === place);",
    'const adopted = this.#orphans.some((orphan) => orphan.grant === "");',
  ),
  mutation(
    "a close command is not owed",
    "control-plane/commands/door-commands.ts",
    "else this.#parts.owed.owe(debt);",
    "",
  ),
  mutation(
    "a due close command is forgotten at a restart",
    "control-plane/commands/door-commands.ts",
    "if (!isCovered(claim)) this.#pay(claim);",
    "void claim;",
  ),
  mutation(
    "a debt whose grant is gone is never due",
    "control-plane/commands/door-commands.ts",
    "for (const { grant } of due) this.#end(grant);",
    "",
  ),
  mutation(
    "a started close command stays owed",
    "store/owed.ts",
    '    if (!this.#entries.delete(number)) return;\n    this.#file.write((database) => {\n      database.query("DELETE FROM debts WHERE number = ?").run(number);\n    }, false);',
    "    if (!this.#entries.delete(number)) return;",
  ),
  mutation(
    "debts are written without fsync",
    "store/owed.ts",
    "this.#file.write((database) => insert(database, entry), !this.#unsynced);",
    "this.#file.write((database) => insert(database, entry), false);",
  ),
  mutation(
    "a command without a process is tried again without a pause",
    "control-plane/commands/command-queue.ts",
    "owed?.postpone();\n        this.#rest(error);",
    "owed?.postpone();",
  ),
  mutation(
    "a living grant that nobody recorded owes nothing",
    "control-plane/commands/door-commands.ts",
    "for (const grant of living) this.#oweLate(grant, wallMs);",
    "void living;",
  ),
  mutation(
    "a debt that the disk did not take stays in the file",
    "store/owed.ts",
    "if (!this.#file.complete) this.#file.write(() => {});",
    "",
  ),
  mutation(
    "a close that came due runs though the door is open again",
    "control-plane/commands/door-commands.ts",
    "isSameCommand(claim, owing.get(claim.grant))",
    "isSameCommand(claim, owing.get(claim.door))",
  ),
  mutation(
    "a close command runs with the first holder who leaves",
    "control-plane/commands/door-commands.ts",
    "if (event.shared !== true) this.#end(placeId(event.grant));",
    "this.#end(placeId(event.grant));",
  ),
  mutation(
    "a door that owes many commands goes on opening",
    "control-plane/commands/door-commands.ts",
    "if (due >= most) this.#behind.add(name);",
    "if (due < 0) this.#behind.add(name);",
  ),
  mutation(
    "commands of one place run at once",
    "control-plane/commands/command-lanes.ts",
    "        if (lane.atWork.has(key)) continue;\n",
    "",
  ),
];
