/** The executable's entry: hands the command line to `cli/`. */

import { main } from "./cli/program.ts";

process.exitCode = await main(process.argv.slice(2));
