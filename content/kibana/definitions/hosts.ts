/** One host: choose it in the control. */
import { alertsBySeverity, processesAndUsers, topRules } from './detections.ts';
import { HOST, SOURCE, search, top } from './shared.ts';
import type { CountPanel, Dashboard } from './types.ts';

export const hostStreams = top('host-streams', 'What is known, by stream', 'data_stream.dataset', 'Stream', {
  ...{ view: 'records', streams: [], where: { field: 'host.id', exists: true } },
  groups: [{ field: 'data_stream.dataset', label: 'Stream', most: 25 }],
  measures: [
    { count: true, label: 'Documents' },
    { newest: '@timestamp', label: 'Last' },
  ],
});

export const inventory: CountPanel = {
  ...{ name: 'inventory', title: 'Inventory', as: 'table', view: 'records', streams: ['cylance.device'] },
  groups: [{ field: 'host.name', label: 'Host', most: 100, by: 'name' }],
  measures: [
    { last: 'cylance.device.state', by: 'event.ingested', label: 'State' },
    { last: 'host.os.full', by: 'event.ingested', label: 'System' },
    { last: 'host.ip', by: 'event.ingested', label: 'Address', kind: 'ip' },
    { last: 'user.name', by: 'event.ingested', label: 'Last user' },
    { last: 'agent.version', by: 'event.ingested', label: 'Agent' },
    { last: 'cylance.device.policy.name', by: 'event.ingested', label: 'Policy' },
  ],
};

export const hostUsers = top('host-users', 'Users seen there', 'user.name', 'User', {
  ...{ view: 'records', streams: [], where: { field: 'host.id', exists: true } },
});

export const hostProcesses = top('host-processes', 'Programs seen there', 'process.executable', 'Program', {
  ...{ view: 'records', streams: [], where: { field: 'host.id', exists: true } },
});

export const everything = search('everything-of-hosts', 'Everything that is known of hosts', {
  ...{ view: 'records', streams: [], where: { field: 'host.id', exists: true }, sort: '@timestamp' },
  columns: ['data_stream.dataset', 'event.action', 'message', 'host.name', 'user.name', 'process.name', 'file.path'],
});

export const hosts: Dashboard = {
  ...{ name: 'host', title: 'Sluice: hosts', span: 'now-90d' },
  about: 'Choose a host in the control to see everything of it.',
  controls: [SOURCE, HOST],
  rows: [
    { height: 12, panels: [hostStreams, inventory] },
    { height: 12, panels: [alertsBySeverity, topRules] },
    { height: 12, panels: [hostUsers, hostProcesses] },
    { height: 18, panels: [processesAndUsers] },
    { height: 18, panels: [everything] },
  ],
};
