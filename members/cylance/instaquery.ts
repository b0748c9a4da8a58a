/** InstaQueries. */
import type { Table } from '../../src/index.ts';

export const members = {
  id: ['query_id'],
  name: [],
  description: [],
  artifact: [],
  match_value_type: [],
  match_values: [],
  match_type: [],
  case_sensitive: ['case_sensitivity'],
  zones: ['zone_ids'],
  filters: [],
  relations: [],
  created_at: [],
  archived: ['archived_at'],
  results_available: [],
  progress: [],
  Deleted: [],
} satisfies Table;

export const progress = {
  queried: [],
  responded: [],
} satisfies Table;
