/** The schema of audit.db, for its writer and its readers. */

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
  // A full check reads every page. Damage shows when it is met; the file is then replaced.
  check: false,
};
