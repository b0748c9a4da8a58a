/** Packages. */
import type { Table } from '../../src/index.ts';

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
