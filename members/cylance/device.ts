/** Devices. */
import type { Table } from '../../src/index.ts';

export const members = {
  id: ['device_id'],
  name: [],
  host_name: [],
  os_version: [],
  os_kernel_version: [],
  state: [],
  agent_version: [],
  policy: [],
  last_logged_in_user: [],
  update_type: [],
  update_available: [],
  background_detection: [],
  is_safe: [],
  dlcm_status: [],
  days_to_deletion: [],
  distinguished_name: [],
  date_first_registered: ['created'],
  date_last_modified: [],
  date_offline: [],
  ip_addresses: [],
  mac_addresses: [],
  Deleted: [],
} satisfies Table;

export const policy = {
  id: ['policy_id'],
  name: ['policy_name'],
} satisfies Table;
