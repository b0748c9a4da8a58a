/** Objects that have hardly more than a name: operating systems, products. */
import type { Table } from '../../../src/index.ts';

export const named = { Name: [] } satisfies Table;
