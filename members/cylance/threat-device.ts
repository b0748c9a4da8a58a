/** Devices of threats: a row, and its threat, which the stream puts beside it. */
import type { Table } from '../../src/index.ts';

export const members = {
  id: ['device_id'],
  name: ['device_name'],
  state: [],
  agent_version: [],
  policy_id: [],
  date_found: [],
  file_status: [],
  file_path: [],
  ip_addresses: [],
  mac_addresses: [],
  Threat: [],
} satisfies Table;

/** As `cylance.threat` has it. */
export { members as Threat } from './threat.ts';
