/**
 * The version and commit of this build: the version comes from package.json, the commit from
 * scripts/build.
 */

import manifest from "../../package.json" with { type: "json" };

/** Put in by scripts/build; absent when this runs from source. */
declare const SALLYPORT_COMMIT: string | undefined;

export const VERSION: string = manifest.version;

/** "7786844…", with "+" behind it where the tree was changed since; "unknown" where it was no clone. */
export const COMMIT: string = typeof SALLYPORT_COMMIT === "string" ? SALLYPORT_COMMIT : "unknown";
