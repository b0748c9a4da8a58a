/** Threats. */
import type { Table } from '../../src/index.ts';

export const members = {
  sha256: [],
  md5: [],
  name: ['file_name'],
  classification: [],
  sub_classification: [],
  cylance_score: [],
  av_industry: [],
  global_quarantined: ['global_quarantine'],
  safelisted: [],
  file_size: [],
  unique_to_cylance: [],
  last_found: [],
  Deleted: [],
} satisfies Table;
