/** What sallyport_knock.py says, beside `sallyport knock`. */

import { PYTHON } from "./knockers.ts";
import { describeMessages } from "./messages.ts";

describeMessages(PYTHON);
