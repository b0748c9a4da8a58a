/** Packages. */
import type { Table } from '../../src/api/records/members.ts';

export const members = {
  packageId: [],
  uploadedOn: [],
  uploadedBy: [],
  size: [],
  status: [],
  timeout: [],
  packageDescriptor: [],
  category: [],
  Deleted: [],
} satisfies Table;
