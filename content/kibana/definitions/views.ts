/** Data views: which documents, and by which of their times the picker chooses. */
import type { View, ViewName } from './types.ts';

/** Every stream of the vendors; heartbeats apart. */
const RECORDS = 'logs-cylance.*,logs-apex_central.*';

export const VIEWS: readonly View[] = [
  { name: 'records', title: 'Sluice: records, by when they happened', pattern: RECORDS, time: '@timestamp' },
  {
    name: 'arrivals',
    title: 'Sluice: records and changes, by when they arrived',
    pattern: RECORDS,
    time: 'event.ingested',
  },
  { name: 'heartbeats', title: 'Sluice: heartbeats', pattern: 'logs-sluice.heartbeat-*', time: '@timestamp' },
];

export function viewOf(name: ViewName): View {
  const found = VIEWS.find((view) => view.name === name);
  if (found === undefined) throw new Error(`the pack has no data view ${name}`);
  return found;
}
