/** The version of this build; package.json is its one source. */

import manifest from "../../package.json" with { type: "json" };

export const VERSION: string = manifest.version;
