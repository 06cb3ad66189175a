/** The page as the executable carries it: made while that is compiled. */

import { assemblePage } from "./assemble.ts" with { type: "macro" };

export const PAGE: string = assemblePage();
