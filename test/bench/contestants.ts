/** All contestants, in the order of the tables. */

import type { Contestant } from "./contestant.ts";
import { fwknopd, fwknopdUdp } from "./contestants/fwknopd.ts";
import { knockd } from "./contestants/knockd.ts";
import { nft } from "./contestants/nft.ts";
import { sallyport } from "./contestants/sallyport.ts";

export const CONTESTANTS: readonly Contestant[] = [sallyport, nft, knockd, fwknopdUdp, fwknopd];
