/** Focus views. */
import type { Table } from '../../src/index.ts';

export const members = {
  id: ['focus_id'],
  device_id: [],
  hostname: [],
  artifact_type: [],
  artifact_subtype: [],
  value: [],
  threat_type: [],
  description: [],
  tenant_id: [],
  created_at: [],
  status: [],
  relations: [],
  Deleted: [],
} satisfies Table;
