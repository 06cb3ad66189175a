/** The living grants of those whom a new configuration cuts off: a reload ends none of them. Pure. */

import type { CutOff } from "../config/differences.ts";
import { whoOf } from "../config/names.ts";
import type { Grant } from "../core/grant.ts";
import { namesInSentence } from "../core/names-in-sentence.ts";
import { counted } from "./start-report.ts";

/** One sentence for each door, without a full stop: how many, whose, and how to end them. */
export function describeOutliving(
  cutOff: readonly CutOff[],
  grants: readonly Grant[],
): readonly string[] {
  return [...new Set(cutOff.map(({ door }) => door))].flatMap((door) => {
    const cuts = cutOff.filter((cut) => cut.door === door);
    const lost = new Set(cuts.flatMap(({ who }) => who.map((one) => whoOf(one.user, one.device))));
    const anybody = cuts.some(({ who }) => who.length === 0);
    const living = grants.filter(
      (grant) => grant.door === door && (anybody || lost.has(holderOf(grant) ?? "")),
    );
    return living.length === 0 ? [] : describe(door, living);
  });
}

/** Undefined where the grant was opened by hand or by a fixed sequence. */
function holderOf({ user, device = "" }: Grant): string | undefined {
  return user === undefined ? undefined : whoOf(user, device);
}

function describe(door: string, living: readonly Grant[]): string {
  const holders = [...new Set(living.flatMap((grant) => holderOf(grant) ?? []))];
  const whose = holders.length === 0 ? "" : `, held by ${namesInSentence(holders)},`;
  const [only, ...others] = living;
  const [their, end] =
    others.length === 0
      ? ["its", `"sallyport close ${only!.id}" ends it now`]
      : ["their", '"sallyport grants" lists and "sallyport close" ends them'];
  return `${counted(living.length, "living grant")} of ${door}${whose} will last until ${their} time is over: ${end}`;
}
