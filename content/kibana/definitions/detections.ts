/** Alerts: how many, by what, on which hosts, and what became of them. */
import {
  ALERT,
  alerts,
  CLOSED,
  DETECTION,
  HOST,
  now,
  OPEN_OR_CLOSED,
  SEVERITIES,
  SOURCE,
  search,
  USER,
} from './shared.ts';
import type { CountPanel, Dashboard } from './types.ts';

const COUNT = [{ count: true, label: 'Alerts' }] as const;

export const alertCount = alerts('alerts', 'Alerts', { as: 'metric', groups: [], measures: COUNT });

export const alertsBySeverity = alerts('alerts-by-severity', 'Alerts by severity over time', {
  as: 'bars',
  groups: [
    { time: '@timestamp', label: 'Time' },
    { cases: SEVERITIES, label: 'Severity' },
  ],
  measures: COUNT,
});

export const topRules = alerts('top-rules', 'Rules with the most alerts', {
  as: 'table',
  groups: [{ field: 'rule.name', label: 'Rule', most: 10 }],
  measures: [...COUNT, { distinct: 'host.id', label: 'Hosts' }, { newest: '@timestamp', label: 'Last' }],
});

export const topHosts = alerts('top-hosts', 'Hosts with the most alerts', {
  as: 'table',
  groups: [{ field: 'host.name', label: 'Host', most: 10 }],
  measures: [...COUNT, { distinct: 'rule.id', label: 'Rules' }, { newest: '@timestamp', label: 'Last' }],
});

export const topUsers = alerts('top-users', 'Users with the most alerts', {
  as: 'table',
  groups: [{ field: 'user.name', label: 'User', most: 10 }],
  measures: [...COUNT, { distinct: 'host.id', label: 'Hosts' }],
});

export const bySeverity = alerts('severities', 'Alerts by severity', {
  as: 'donut',
  groups: [{ cases: SEVERITIES, label: 'Severity' }],
  measures: COUNT,
});

export const byCategory = alerts('rule-categories', 'Alerts by category of the rule', {
  as: 'donut',
  groups: [{ field: 'rule.category', label: 'Category', most: 15 }],
  measures: COUNT,
});

/** Whatever became of it: a deleted detection is neither. */
const DELETED = { field: 'cylance.detection.deleted', is: true } as const;

export const openOrClosed = now(
  'open-or-closed',
  'Open and closed detections, now',
  DETECTION,
  { cases: OPEN_OR_CLOSED, label: 'Detections' },
  { unless: DELETED },
);

export const byStatus = now(
  'detections-by-status',
  'Detections by status, now',
  DETECTION,
  { field: 'cylance.detection.status', label: 'Status' },
  { unless: DELETED },
);

export const currentStates: CountPanel = {
  ...{ name: 'detection-states', title: 'Each detection as it is now', as: 'table', view: 'records' },
  about: 'The newest revision of each; those that changed last come first.',
  streams: [DETECTION],
  groups: [{ field: 'event.id', label: 'Detection', most: 1000 }],
  measures: [
    { newest: 'event.ingested', label: 'Last change' },
    { last: 'cylance.detection.status', by: 'event.ingested', label: 'Status' },
    { last: 'event.severity', by: 'event.ingested', label: 'Severity', kind: 'number' },
    { last: 'rule.name', by: 'event.ingested', label: 'Rule' },
    { last: 'host.name', by: 'event.ingested', label: 'Host' },
    { count: true, label: 'Revisions' },
  ],
};

/** By arrival: a change keeps the time of its detection in `@timestamp`. */
export const changesOverTime: CountPanel = {
  ...{ name: 'detection-changes', title: 'Changes of detections over time', as: 'bars', view: 'arrivals' },
  streams: [DETECTION],
  where: { field: 'event.sequence', from: 2 },
  groups: [
    { time: 'event.ingested', label: 'Arrived' },
    { field: 'event.action', label: 'Change', most: 10 },
  ],
  measures: [{ count: true, label: 'Changes' }],
};

export const processesAndUsers = search('alerts-with-process', 'Alerts with their process and user', {
  ...{ view: 'records', streams: [DETECTION], where: ALERT, sort: '@timestamp' },
  columns: [
    ...['event.severity', 'message', 'host.name', 'user.domain', 'user.name', 'process.name'],
    ...['process.command_line', 'process.parent.name', 'process.hash.sha256', 'event.id'],
  ],
});

export const changes = search('changes-of-detections', 'Changes of detections', {
  ...{ view: 'arrivals', streams: [DETECTION], where: { field: 'event.sequence', from: 2 }, sort: 'event.ingested' },
  columns: ['event.action', 'cylance.detection.status', 'message', 'host.name', 'event.sequence', 'event.id'],
});

/** Each closing once: what is closed stays so in later documents, and "Done" may become "False Positive". */
const CLOSING = {
  all: [
    { field: 'event.action', is: 'detection-status-changed' },
    { field: 'cylance.detection.status', is: CLOSED },
    { not: { field: 'cylance.detection.status_before', is: CLOSED } },
    { field: 'event.duration', exists: true },
  ],
} as const;

export const timeToClose: CountPanel = {
  ...{ name: 'time-to-close', title: 'Mean time to close', as: 'metric', view: 'arrivals', streams: [DETECTION] },
  about: 'From the detection to when it was seen closed. What was closed before Sluice saw it does not count.',
  where: CLOSING,
  groups: [],
  measures: [{ average: 'event.duration', label: 'Mean time to close' }],
};

export const timeToCloseBySeverity: CountPanel = {
  ...{ name: 'time-to-close-by-severity', title: 'Time to close, by severity', as: 'table', view: 'arrivals' },
  ...{ streams: [DETECTION], where: CLOSING },
  groups: [{ cases: SEVERITIES, label: 'Severity' }],
  measures: [
    { count: true, label: 'Closed' },
    { average: 'event.duration', label: 'Mean time' },
  ],
};

export const closedOverTime: CountPanel = {
  ...{ name: 'closed-over-time', title: 'Closed detections over time', as: 'bars', view: 'arrivals' },
  ...{ streams: [DETECTION], where: CLOSING },
  groups: [
    { time: 'event.end', label: 'Closed' },
    { field: 'cylance.detection.status', label: 'As', most: 5 },
  ],
  measures: [{ count: true, label: 'Detections' }],
};

export const closings = search('closings', 'Detections that were closed', {
  ...{ view: 'arrivals', streams: [DETECTION], where: CLOSING, sort: 'event.end' },
  columns: [
    ...['cylance.detection.status_before', 'cylance.detection.status', 'event.duration', 'message', 'host.name'],
    ...['cylance.detection.comment', 'event.id'],
  ],
});

export const detections: Dashboard = {
  ...{ name: 'detections', title: 'Sluice: detections', span: 'now-90d' },
  about: 'Alerts by severity, rule, host and user, and what became of them.',
  controls: [SOURCE, HOST, USER],
  rows: [
    { height: 12, panels: [alertsBySeverity, bySeverity] },
    { height: 12, panels: [topRules, topHosts, topUsers] },
    { height: 12, panels: [openOrClosed, byStatus, byCategory] },
    { height: 12, panels: [timeToClose, timeToCloseBySeverity, closedOverTime] },
    { height: 12, panels: [changesOverTime] },
    { height: 16, panels: [currentStates] },
    { height: 18, panels: [processesAndUsers] },
    { height: 14, panels: [changes, closings] },
  ],
};
