/** The first look. */
import { alertCount, alertsBySeverity, bySeverity, openOrClosed, topHosts, topRules } from './detections.ts';
import { arrivedOverTime } from './health.ts';
import { lockdownsNow, retrievalStates } from './responses.ts';
import { alerts, SOURCE } from './shared.ts';
import { fileStatuses } from './threats.ts';
import type { Dashboard } from './types.ts';

export const alertedHosts = alerts('alerted-hosts', 'Hosts with alerts', {
  as: 'metric',
  groups: [],
  measures: [{ distinct: 'host.id', label: 'Hosts' }],
});

export const overview: Dashboard = {
  ...{ name: 'overview', title: 'Sluice: overview', span: 'now-30d' },
  about: 'Alerts, what is open, and what was done about it.',
  controls: [SOURCE],
  rows: [
    { height: 8, panels: [alertCount, alertedHosts, openOrClosed, bySeverity] },
    { height: 12, panels: [alertsBySeverity] },
    { height: 12, panels: [topRules, topHosts] },
    { height: 10, panels: [fileStatuses, retrievalStates, lockdownsNow] },
    { height: 12, panels: [arrivedOverTime] },
  ],
};
