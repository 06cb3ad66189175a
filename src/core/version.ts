/** Which build this is: package.json is the one source of the version, scripts/build of the commit. */

import manifest from "../../package.json" with { type: "json" };

/** Put in by scripts/build; there is none where this runs from source. */
declare const SALLYPORT_COMMIT: string | undefined;

export const VERSION: string = manifest.version;

/** "7786844…", with "+" behind it where the tree was changed since; "unknown" where it was no clone. */
export const COMMIT: string = typeof SALLYPORT_COMMIT === "string" ? SALLYPORT_COMMIT : "unknown";
