/** What sallyport-knock.sh says, beside `sallyport knock`. */

import { DASH } from "./knockers.ts";
import { describeMessages } from "./messages.ts";

describeMessages(DASH);
