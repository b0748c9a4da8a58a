/** Detection rule sets. */
import type { Table } from '../../src/index.ts';

export const members = {
  id: ['ruleset_id'],
  name: [],
  description: [],
  notification_message: [],
  category: [],
  last_modified: [],
  modified_by: [],
  policies: [],
  device_count: [],
  rules: [],
  Deleted: [],
} satisfies Table;
