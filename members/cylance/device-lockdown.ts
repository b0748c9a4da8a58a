/** Lockdowns: an entry of the history, and its device, which the stream puts beside it. */
import type { Table } from '../../src/index.ts';

export const members = {
  user_id: [],
  timestamp: [],
  command: [],
  Device: [],
} satisfies Table;

export const Device = {
  id: [],
  hostname: [],
  tenant_id: [],
} satisfies Table;
