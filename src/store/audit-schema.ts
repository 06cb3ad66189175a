/** What audit.db looks like, for whoever writes it and whoever reads it. */

import type { DatabaseContents } from "./database.ts";

const SCHEMA = `
CREATE TABLE records (
  id INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  type TEXT NOT NULL,
  door TEXT,
  user TEXT,
  device TEXT,
  address TEXT,
  detail TEXT NOT NULL
) STRICT;
CREATE INDEX records_at ON records (at_ms);
`;

export const AUDIT_SCHEMA: DatabaseContents = {
  /** "SPau" */
  applicationId: 0x53506175,
  version: 1,
  schema: SCHEMA,
  // A whole check reads every page; damage shows itself when it is met, and the file is replaced then.
  check: false,
};
