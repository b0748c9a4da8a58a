/** What was done on endpoints: files that were retrieved, devices that were locked, packages that ran. */
import { HOST, now, SOURCE, search, top } from './shared.ts';
import type { CountPanel, Dashboard } from './types.ts';

const FILE = 'cylance.retrieved_file';
const LOCKDOWN = 'cylance.device_lockdown';
const EXECUTION = 'cylance.package_execution';

export const retrievalStates = now(
  'retrieval-states',
  'File retrievals by status, now',
  FILE,
  { field: 'cylance.retrieved_file.status', label: 'Status' },
  { unless: { field: 'cylance.retrieved_file.deleted', is: true } },
);

/** The history of each device is read whole: its last entry says how it is. Of two in one second, the one that locks. */
export const lockdownsNow = now(
  'lockdowns-now',
  'Devices that are locked, now',
  LOCKDOWN,
  {
    label: 'Devices',
    cases: [
      { label: 'locked', where: { field: 'event.action', is: ['device-locked', 'device-lockdown-extended'] } },
      { label: 'unlocked', where: { field: 'event.action', is: 'device-unlocked' } },
    ],
  },
  { thing: { id: 'host.id', newest: '@timestamp', tie: 'event.action' } },
);

export const lastLockdowns: CountPanel = {
  ...{ name: 'last-lockdowns', title: 'The last lockdown command of each device', as: 'table', view: 'records' },
  streams: [LOCKDOWN],
  groups: [{ field: 'host.name', label: 'Host', most: 500 }],
  measures: [
    { newest: '@timestamp', label: 'When' },
    { last: 'event.action', by: '@timestamp', label: 'Command' },
    { last: 'user.id', by: '@timestamp', label: 'By' },
  ],
};

export const executionStates = now(
  'package-execution-states',
  'Package executions by state, now',
  EXECUTION,
  { field: 'cylance.package_execution.state', label: 'State' },
  { unless: { field: 'cylance.package_execution.state', is: 'deleted' } },
);

export const requesters = top('retrieval-requesters', 'Who had files retrieved', 'user.name', 'User', {
  ...{ view: 'records', streams: [FILE], where: { field: 'event.sequence', is: 1 } },
  measures: [
    { count: true, label: 'Files' },
    { distinct: 'host.id', label: 'Hosts' },
  ],
});

export const retrievals = search('retrievals', 'File retrievals', {
  ...{ view: 'arrivals', streams: [FILE], sort: 'event.ingested' },
  columns: [
    'cylance.retrieved_file.status',
    'event.outcome',
    'host.name',
    'file.path',
    'file.hash.sha256',
    'user.name',
  ],
});

export const lockdowns = search('lockdowns', 'Lockdown commands', {
  ...{ view: 'records', streams: [LOCKDOWN], sort: '@timestamp' },
  columns: ['event.action', 'host.name', 'user.id', 'message'],
});

export const responses: Dashboard = {
  ...{ name: 'responses', title: 'Sluice: retrievals and lockdowns', span: 'now-90d' },
  about: 'What was done on endpoints: files retrieved, devices locked, packages run.',
  controls: [SOURCE, HOST],
  rows: [
    { height: 12, panels: [retrievalStates, lockdownsNow, executionStates] },
    { height: 14, panels: [requesters, lastLockdowns] },
    { height: 16, panels: [retrievals] },
    { height: 16, panels: [lockdowns] },
  ],
};
