/** Everything in the pack. */
import { detections } from './detections.ts';
import { footprints } from './footprints.ts';
import { health } from './health.ts';
import { hosts } from './hosts.ts';
import { hunting } from './hunting.ts';
import { overview } from './overview.ts';
import { responses } from './responses.ts';
import { threats } from './threats.ts';
import type { Dashboard, Panel, SearchPanel } from './types.ts';

export const DASHBOARDS: readonly Dashboard[] = [
  overview,
  detections,
  hosts,
  hunting,
  responses,
  threats,
  footprints,
  health,
];

/** Each once, however many dashboards show it. */
export const PANELS: readonly Panel[] = [
  ...new Set(DASHBOARDS.flatMap(({ rows }) => rows.flatMap(({ panels }) => panels))),
];

export const SEARCHES: readonly SearchPanel[] = PANELS.filter((panel) => panel.as === 'search');
