/** Where the documents of a run go, what fails there, and what is there at the end. */
import { join } from 'node:path';
import { documentsIn, idOf } from '../e2e/delivered.ts';
import { troubleDisk } from './disk.ts';
import { startElastic } from './elastic.ts';
import { type FaultCount, mishapsOf } from './faults.ts';
import type { Plan } from './plan.ts';

export interface Store {
  /** The sink in the config. */
  sink: Record<string, unknown>;
  /** The id that follows from what a document says, of each that a reader finds. */
  ids(): Promise<string[]>;
  faultsDone(): boolean;
  close(): Promise<void>;
}

export type OpenStore = (plan: Plan, folder: string, count: FaultCount) => Promise<Store>;

/** Counts what goes wrong when it does. */
export function counted<Kind extends string>(
  { hit }: FaultCount,
  place: 'sink' | 'disk',
  next: () => Kind | undefined,
): () => Kind | undefined {
  return () => {
    const kind = next();
    if (kind !== undefined) hit(place, kind);
    return kind;
  };
}

export const openInProcess: OpenStore = (plan, folder, count) =>
  plan.sink === 'files' ? openFiles(plan, folder, count) : openMemory(plan, count);

async function openFiles(plan: Plan, folder: string, count: FaultCount): Promise<Store> {
  const faults = mishapsOf(plan.fileFaults);
  const end = await troubleDisk(counted(count, 'disk', faults.next));
  const path = join(folder, 'out');
  return {
    sink: { name: 'sink', type: 'ndjson', path, ...plan.files },
    ids: async () => documentsIn(path).map(idOf),
    faultsDone: faults.done,
    close: async () => end(),
  };
}

async function openMemory(plan: Plan, count: FaultCount): Promise<Store> {
  const bulk = mishapsOf(plan.bulkFaults);
  const lookUp = mishapsOf(plan.lookUpFaults);
  const lookUpFault = counted(count, 'sink', lookUp.next);
  const elastic = await startElastic({
    rollover: plan.rollover,
    fault: counted(count, 'sink', bulk.next),
    lookUpFails: () => lookUpFault() !== undefined,
  });
  return {
    sink: { name: 'sink', type: 'elasticsearch', nodes: [elastic.url], timeout: '700ms', compression: 'none' },
    ids: async () => elastic.documents().map(({ document }) => idOf(document)),
    faultsDone: () => bulk.done() && lookUp.done(),
    close: elastic.close,
  };
}
