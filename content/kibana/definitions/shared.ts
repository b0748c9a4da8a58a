/** What several dashboards say in the same words. */
import type { Case, Control, CountPanel, NowPanel, SearchPanel } from './types.ts';

export const DETECTION = 'cylance.detection';

/** The steps of `event.severity`, worst first. */
export const SEVERITIES: readonly Case[] = [
  { label: 'Critical', where: { field: 'event.severity', from: 99 } },
  { label: 'High', where: { field: 'event.severity', from: 73, below: 99 } },
  { label: 'Medium', where: { field: 'event.severity', from: 47, below: 73 } },
  { label: 'Low', where: { field: 'event.severity', from: 21, below: 47 } },
  { label: 'Informational', where: { field: 'event.severity', below: 21 } },
];

export const ALERT = { field: 'event.kind', is: 'alert' } as const;
/** What is closed at the vendor: as the stream of detections has it. */
export const CLOSED = ['Done', 'False Positive'] as const;
export const OPEN_OR_CLOSED: readonly Case[] = [
  { label: 'open', where: { not: { field: 'cylance.detection.status', is: CLOSED } } },
  { label: 'closed', where: { field: 'cylance.detection.status', is: CLOSED } },
];
/** The newest revision of a record. */
export const REVISIONS = { id: 'event.id', newest: 'event.sequence' } as const;

export const SOURCE: Control = { field: 'data_stream.namespace', title: 'Source' };
export const HOST: Control = { field: 'host.name', title: 'Host' };
export const USER: Control = { field: 'user.name', title: 'User' };
export const HASH: Control = { field: 'related.hash', title: 'Hash' };

export const alerts = (
  name: string,
  title: string,
  more: Omit<CountPanel, 'name' | 'title' | 'view' | 'streams' | 'where'>,
): CountPanel => ({
  ...{ name, title, view: 'records', streams: [DETECTION], where: ALERT },
  ...more,
});

/** How many records of a stream are in which state. */
export const now = (
  name: string,
  title: string,
  stream: string,
  group: NowPanel['group'],
  more: Partial<NowPanel> = {},
): NowPanel => ({ name, title, as: 'now', view: 'records', streams: [stream], thing: REVISIONS, group, ...more });

export const search = (name: string, title: string, more: Omit<SearchPanel, 'name' | 'title' | 'as'>): SearchPanel => ({
  ...{ name, title, as: 'search' },
  ...more,
});

/** A table of so many values of a field, the most frequent first. */
export const top = (
  name: string,
  title: string,
  field: string,
  label: string,
  more: Omit<CountPanel, 'name' | 'title' | 'as' | 'groups' | 'measures'> & Partial<CountPanel>,
): CountPanel => ({
  ...{
    name,
    title,
    as: 'table',
    groups: [{ field, label, most: 10 }],
    measures: [{ count: true, label: 'Documents' }],
  },
  ...more,
});
