/** What sallyport-knock.ps1 says, beside `sallyport knock`. */

import { POWERSHELL } from "./knockers.ts";
import { describeMessages } from "./messages.ts";

describeMessages(POWERSHELL);
