/**
 * Takes over a uses.db of version 1, and is killed on the way: before its transaction is committed,
 * or right after.
 */

import { openDatabase } from "../../../src/store/database.ts";
import { USES_SCHEMA } from "../../../src/store/uses.ts";

const [path = "", when = ""] = process.argv.slice(2);
const die = () => process.kill(process.pid, "SIGKILL");
const takeOver = USES_SCHEMA.migrations![1]!;

openDatabase({
  ...USES_SCHEMA,
  path,
  shared: false,
  migrations: {
    1: (database) => {
      takeOver(database);
      if (when === "before") die();
    },
  },
});
die();
