/** What led to what on endpoints, as Apex Central's footprints tell it. */
import { HASH, HOST, SOURCE, search, top } from './shared.ts';
import type { CountPanel, Dashboard } from './types.ts';

const FOOTPRINT = 'apex_central.footprint';

export const footprintHosts = top('footprint-hosts', 'Footprints by host', 'host.name', 'Host', {
  ...{ view: 'records', streams: [FOOTPRINT] },
  groups: [{ field: 'host.name', label: 'Host', most: 100 }],
  measures: [
    { count: true, label: 'Events' },
    { distinct: 'apex_central.footprint.scan_summary_guid', label: 'Investigations' },
    { newest: '@timestamp', label: 'Last' },
  ],
});

export const footprintRisks: CountPanel = {
  ...{ name: 'footprint-risks', title: 'Footprints by risk level', as: 'donut', view: 'records', streams: [FOOTPRINT] },
  groups: [{ field: 'apex_central.footprint.risk_level', label: 'Risk level', most: 10, kind: 'number' }],
  measures: [{ count: true, label: 'Events' }],
};

export const footprintsOverTime: CountPanel = {
  ...{ name: 'footprints-over-time', title: 'Footprints over time', as: 'bars', view: 'records', streams: [FOOTPRINT] },
  groups: [
    { time: '@timestamp', label: 'Time' },
    { field: 'event.category', label: 'Category', most: 5 },
  ],
  measures: [{ count: true, label: 'Events' }],
};

export const footprintParents: CountPanel = {
  ...{
    name: 'footprint-chains',
    title: 'Which program started which',
    as: 'table',
    view: 'records',
    streams: [FOOTPRINT],
  },
  groups: [
    { field: 'process.parent.name', label: 'Program', most: 20 },
    { field: 'process.name', label: 'Started', most: 20 },
  ],
  measures: [
    { count: true, label: 'Times' },
    { distinct: 'host.id', label: 'Hosts' },
  ],
};

export const chains = search('footprints', 'Footprints', {
  ...{ view: 'records', streams: [FOOTPRINT], sort: '@timestamp' },
  columns: [
    'message',
    'host.name',
    'user.name',
    'process.parent.name',
    'process.command_line',
    'file.path',
    'apex_central.footprint.risk_level',
  ],
});

export const footprints: Dashboard = {
  ...{ name: 'footprints', title: 'Sluice: footprints', span: 'now-90d' },
  about: 'What led to what on endpoints, as Apex Central tells it.',
  controls: [SOURCE, HOST, HASH],
  rows: [
    { height: 12, panels: [footprintHosts, footprintRisks] },
    { height: 12, panels: [footprintsOverTime] },
    { height: 14, panels: [footprintParents] },
    { height: 18, panels: [chains] },
  ],
};
