/** Sluice itself: what its heartbeats say, what arrives, and what could not be understood. */
import { SOURCE, search } from './shared.ts';
import type { Condition, CountPanel, Dashboard } from './types.ts';

const HEARTBEAT = 'sluice.heartbeat';

export const pipelines: CountPanel = {
  ...{ name: 'pipelines', title: 'Pipelines, as their last heartbeat says', as: 'table', view: 'heartbeats' },
  about: 'Needs `heartbeat` in the config of Sluice.',
  streams: [HEARTBEAT],
  groups: [{ field: 'sluice.heartbeat.pipeline', label: 'Pipeline', most: 200, by: 'name' }],
  measures: [
    { newest: '@timestamp', label: 'Last heartbeat' },
    { last: 'sluice.heartbeat.status', by: '@timestamp', label: 'Status' },
    { last: 'sluice.heartbeat.why', by: '@timestamp', label: 'Why' },
    { last: 'sluice.heartbeat.settled_until', by: '@timestamp', label: 'Settled up to', kind: 'date' },
    { last: 'sluice.heartbeat.gaps', by: '@timestamp', label: 'Gaps', kind: 'number' },
    { last: 'sluice.heartbeat.owed', by: '@timestamp', label: 'Owed', kind: 'number' },
    { sum: 'sluice.heartbeat.rejected', label: 'Rejected' },
  ],
};

export const deliveredOverTime: CountPanel = {
  ...{
    name: 'delivered',
    title: 'Documents delivered, by stream',
    as: 'bars',
    view: 'heartbeats',
    streams: [HEARTBEAT],
  },
  groups: [
    { time: '@timestamp', label: 'Time' },
    { field: 'sluice.heartbeat.stream', label: 'Stream', most: 20 },
  ],
  measures: [{ sum: 'sluice.heartbeat.delivered', label: 'Documents' }],
};

export const arrivedOverTime: CountPanel = {
  ...{ name: 'arrived', title: 'Documents that arrived, by stream', as: 'bars', view: 'arrivals', streams: [] },
  groups: [
    { time: 'event.ingested', label: 'Arrived' },
    { field: 'data_stream.dataset', label: 'Stream', most: 20 },
  ],
  measures: [{ count: true, label: 'Documents' }],
};

export const sources: CountPanel = {
  ...{ name: 'sources', title: 'Sources and streams', as: 'table', view: 'arrivals', streams: [] },
  groups: [
    { field: 'data_stream.namespace', label: 'Source', most: 50 },
    { field: 'data_stream.dataset', label: 'Stream', most: 30 },
  ],
  measures: [
    { count: true, label: 'Documents' },
    { distinct: 'event.id', label: 'Records' },
    { newest: 'event.ingested', label: 'Last arrival' },
    { newest: '@timestamp', label: 'Newest record' },
  ],
};

/** A record that broke its mapping, or content that could not be kept as it was. */
const TROUBLE: Condition = {
  any: [
    { field: 'event.kind', is: 'pipeline_error' },
    { field: 'tags', is: ['content_is_cut', 'timestamp_in_future'] },
  ],
};

export const errors: CountPanel = {
  ...{
    name: 'pipeline-errors',
    title: 'Records that were not understood',
    as: 'metric',
    view: 'arrivals',
    streams: [],
  },
  where: { field: 'event.kind', is: 'pipeline_error' },
  groups: [],
  measures: [{ count: true, label: 'Records' }],
};

export const troubles = search('troubled-records', 'Records that were not understood, cut, or dated in the future', {
  ...{ view: 'arrivals', streams: [], where: TROUBLE, sort: 'event.ingested' },
  columns: ['data_stream.dataset', 'event.kind', 'tags', 'message', 'error.message', 'event.id'],
});

export const health: Dashboard = {
  ...{ name: 'health', title: 'Sluice: its own health', span: 'now-24h' },
  about: 'What the heartbeats say, what arrives, and what could not be understood.',
  controls: [SOURCE],
  rows: [
    { height: 14, panels: [pipelines] },
    { height: 12, panels: [deliveredOverTime, arrivedOverTime] },
    { height: 14, panels: [sources, errors] },
    { height: 16, panels: [troubles] },
  ],
};
