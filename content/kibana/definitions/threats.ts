/** Files that CylancePROTECT judged, and where they were found. */
import { HASH, HOST, now, SOURCE, search, top } from './shared.ts';
import type { CountPanel, Dashboard } from './types.ts';

const THREAT = 'cylance.threat';
const FOUND = 'cylance.threat_device';

export const fileStatuses = now('threat-statuses', 'Files on devices by status, now', FOUND, {
  field: 'cylance.threat_device.file_status',
  label: 'Status',
});

export const classifications = now(
  'threat-classifications',
  'Threats by classification, now',
  THREAT,
  { field: 'cylance.threat.classification', label: 'Classification' },
  { unless: { field: 'cylance.threat.deleted', is: true } },
);

export const foundOverTime: CountPanel = {
  ...{ name: 'threats-found', title: 'Threats found over time', as: 'bars', view: 'records', streams: [FOUND] },
  where: { field: 'event.sequence', is: 1 },
  groups: [
    { time: '@timestamp', label: 'Found' },
    { field: 'cylance.threat_device.threat.classification', label: 'Classification', most: 6 },
  ],
  measures: [{ count: true, label: 'Files' }],
};

export const threatHosts = top('threat-hosts', 'Hosts with the most threats', 'host.name', 'Host', {
  ...{ view: 'records', streams: [FOUND], where: { field: 'event.category', is: 'malware' } },
  measures: [
    { distinct: 'event.id', label: 'Files' },
    { distinct: 'file.hash.sha256', label: 'Threats' },
  ],
});

export const threatFiles = top('threat-files', 'Threats on the most devices', 'file.hash.sha256', 'SHA-256', {
  ...{ view: 'records', streams: [FOUND] },
  measures: [
    { distinct: 'host.id', label: 'Devices' },
    { last: 'cylance.threat_device.threat.name', by: 'event.ingested', label: 'Name' },
    { last: 'cylance.threat_device.threat.classification', by: 'event.ingested', label: 'Classification' },
  ],
});

export const found = search('threats-on-devices', 'Threats on devices', {
  ...{ view: 'records', streams: [FOUND], sort: '@timestamp' },
  columns: [
    'cylance.threat_device.file_status',
    'event.risk_score',
    'message',
    'host.name',
    'file.path',
    'file.hash.sha256',
  ],
});

export const threats: Dashboard = {
  ...{ name: 'threats', title: 'Sluice: threats', span: 'now-1y' },
  about: 'Files that were judged to be threats, and where they were found.',
  controls: [SOURCE, HOST, HASH],
  rows: [
    { height: 12, panels: [fileStatuses, classifications] },
    { height: 12, panels: [foundOverTime] },
    { height: 12, panels: [threatHosts, threatFiles] },
    { height: 18, panels: [found] },
  ],
};
