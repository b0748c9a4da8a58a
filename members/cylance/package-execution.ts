/** Package executions. */
import type { Table } from '../../src/index.ts';

export const members = {
  id: [],
  name: [],
  target: ['targets'],
  destination: [],
  packageExecutions: [],
  keepResultsLocally: [],
  createdAt: [],
  createdBy: [],
  deviceStatuses: [],
  deviceCount: [],
  Deleted: [],
} satisfies Table;
