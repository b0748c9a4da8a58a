/** InstaQueries, focus views and their results, and one hash over all streams. */
import { HASH, HOST, now, SOURCE, search, top } from './shared.ts';
import type { CountPanel, Dashboard } from './types.ts';

const QUERY = 'cylance.instaquery';
const RESULT = 'cylance.instaquery_result';
const FOCUS = 'cylance.focus_view';
const FOCUS_RESULT = 'cylance.focus_view_result';

export const queryProgress: CountPanel = {
  ...{ name: 'instaquery-progress', title: 'InstaQueries and how far they are', as: 'table', view: 'records' },
  streams: [QUERY],
  groups: [{ field: 'event.id', label: 'Query', most: 500 }],
  measures: [
    { newest: 'event.ingested', label: 'Last change' },
    { last: 'cylance.instaquery.name', by: 'event.ingested', label: 'Name' },
    { last: 'cylance.instaquery.state', by: 'event.ingested', label: 'State' },
    { last: 'cylance.instaquery.progress.queried', by: 'event.ingested', label: 'Devices asked', kind: 'number' },
    { last: 'cylance.instaquery.progress.responded', by: 'event.ingested', label: 'Devices answered', kind: 'number' },
  ],
};

export const queryStates = now(
  'instaquery-states',
  'InstaQueries by state, now',
  QUERY,
  { field: 'cylance.instaquery.state', label: 'State' },
  { unless: { field: 'cylance.instaquery.state', is: 'deleted' } },
);

export const focusStates = now('focus-view-states', 'Focus views by status, now', FOCUS, {
  field: 'cylance.focus_view.status',
  label: 'Status',
});

export const resultsByQuery = top(
  'results-by-query',
  'Results by InstaQuery',
  'cylance.instaquery_result.query.name',
  'Query',
  {
    ...{ view: 'records', streams: [RESULT] },
    measures: [
      { count: true, label: 'Results' },
      { distinct: 'host.id', label: 'Hosts' },
    ],
  },
);

export const resultTypes: CountPanel = {
  ...{ name: 'result-types', title: 'Results by what was found', as: 'donut', view: 'records', streams: [RESULT] },
  groups: [{ field: 'cylance.instaquery_result.type', label: 'Type', most: 10 }],
  measures: [{ count: true, label: 'Results' }],
};

export const hashStreams = top('hash-streams', 'Where a hash was seen', 'data_stream.dataset', 'Stream', {
  about: 'Choose the hash in the control.',
  ...{ view: 'records', streams: [], where: { field: 'related.hash', exists: true } },
  groups: [{ field: 'data_stream.dataset', label: 'Stream', most: 25 }],
  measures: [
    { count: true, label: 'Documents' },
    { distinct: 'host.id', label: 'Hosts' },
    { newest: '@timestamp', label: 'Last' },
  ],
});

export const results = search('hunting-results', 'Results of InstaQueries and focus views', {
  ...{ view: 'records', streams: [RESULT, FOCUS_RESULT], sort: '@timestamp' },
  columns: [
    'data_stream.dataset',
    'message',
    'host.name',
    'user.name',
    'process.executable',
    'file.path',
    'destination.ip',
  ],
});

export const hashes = search('documents-with-hashes', 'Documents with a hash', {
  ...{ view: 'records', streams: [], where: { field: 'related.hash', exists: true }, sort: '@timestamp' },
  columns: ['data_stream.dataset', 'message', 'host.name', 'file.path', 'process.executable', 'related.hash'],
});

export const hunting: Dashboard = {
  ...{ name: 'hunting', title: 'Sluice: hunting', span: 'now-90d' },
  about: 'InstaQueries and focus views with their results, and one hash over all streams.',
  controls: [SOURCE, HASH, HOST],
  rows: [
    { height: 12, panels: [queryStates, focusStates, resultTypes] },
    { height: 14, panels: [queryProgress, resultsByQuery] },
    { height: 12, panels: [hashStreams] },
    { height: 18, panels: [results] },
    { height: 18, panels: [hashes] },
  ],
};
