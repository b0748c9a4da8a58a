/** Data views: which documents, and by which of their times the picker chooses. */
import type { View, ViewName } from './types.ts';

/** Every stream of the vendors, each revision once; heartbeats apart, and the copies that `changes: true` makes. */
const RECORDS = 'logs-cylance.*,logs-apex_central.*,-logs-*_changes-*';

export const VIEWS: readonly View[] = [
  { name: 'records', title: 'Sluice: records, by when they happened', pattern: RECORDS, time: '@timestamp' },
  {
    name: 'arrivals',
    title: 'Sluice: records and changes, by when they arrived',
    pattern: RECORDS,
    time: 'event.ingested',
  },
  {
    ...{ name: 'changes', title: 'Sluice: changes, by when they changed' },
    ...{ pattern: 'logs-cylance.*_changes-*,logs-apex_central.*_changes-*', time: '@timestamp' },
  },
  {
    ...{ name: 'latest', title: 'Sluice: records as they are now' },
    ...{ pattern: 'latest-cylance.*,latest-apex_central.*', time: '@timestamp' },
  },
  { name: 'heartbeats', title: 'Sluice: heartbeats', pattern: 'logs-sluice.heartbeat-*', time: '@timestamp' },
];

export function viewOf(name: ViewName): View {
  const found = VIEWS.find((view) => view.name === name);
  if (found === undefined) throw new Error(`the pack has no data view ${name}`);
  return found;
}
