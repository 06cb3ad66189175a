/**
 * The part of RKS1 that the author of another client needs, as one file: `scripts/package --rks1`
 * makes it. Nothing here touches a clock, a file or a network.
 */

export { decodeBase32, encodeBase32 } from "./base32.ts";
export { isDoorName, isServerName, newMaster, serverKey } from "./key.ts";
export { formatProfileLink, parseProfileLink } from "./profile-link.ts";
export { sequencePorts } from "./sequence.ts";
export { chooseSlot } from "./slot-choice.ts";
export { slotAt, slotStartMs } from "./slot.ts";
export { DEFAULT_SPACE, SPACE_LIMITS } from "./space.ts";
