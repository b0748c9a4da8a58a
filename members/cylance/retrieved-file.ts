/** File retrievals. */
import type { Table } from '../../src/index.ts';

export const members = {
  tenant_id: [],
  user_id: [],
  device_id: [],
  created_at: [],
  filepath: [],
  file_status: ['status'],
  file_status_description: ['status_description'],
  md5: [],
  sha1: [],
  sha256: [],
  correlation_id: [],
  user_login: [],
  hostname: [],
  password: [],
  download_url: [],
  Deleted: [],
} satisfies Table;
