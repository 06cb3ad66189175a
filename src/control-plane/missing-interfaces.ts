/** Interfaces of a configuration that this machine does not have, or not yet. */

import type { Settings } from "../config/settings.ts";
import { listed } from "../core/finding.ts";
import { namesInSentence } from "../core/names-in-sentence.ts";
import { hasInterface } from "../native/interface-name.ts";
import { readLinks } from "../native/links.ts";

/** The names in `server.interfaces` that no interface has now. */
export function missingInterfaces({ server }: Settings): string[] {
  return server.interfaces.filter((name) => name !== "any" && !hasInterface(name));
}

/** One sentence, undefined where none is missing: each of them may come later. */
export function describeMissing(missing: readonly string[]): string | undefined {
  if (missing.length === 0) return undefined;
  const others = readLinks().flatMap(({ name, loopback }) => (loopback ? [] : name));
  const verb = missing.length === 1 ? "does not exist" : "do not exist";
  return `${namesInSentence(missing)} ${verb}: this machine has ${listed(others) || "no interface but lo"}: correct server.interfaces, or bring ${missing.length === 1 ? "it" : "them"} up`;
}

/**
 * Whether nothing could be heard by the new configuration, so that a reload refuses it. Where the
 * names stay as they are, the interfaces have gone since, and all others stand in for them.
 */
export function isDeaf(before: Settings, after: Settings, missing: readonly string[]): boolean {
  const [was, is] = [before.server.interfaces, after.server.interfaces];
  return missing.length === is.length && was.join() !== is.join();
}
