/**
 * Panels of what is now over the indices that hold the newest revision of each record alone: then counting is what Lens can
 * do, and no number of records is too many.
 */
import type { CountPanel, Grouping, NowPanel, Panel } from './definitions/types.ts';

/** A record has few states. */
const MOST_STATES = 50;

/** The panel itself, where it is about something else than the newest revisions of records. */
export function onLatest(panel: Panel): Panel {
  return panel.as === 'now' && panel.thing.id === 'event.id' ? counted(panel) : panel;
}

function counted({ name, title, about, streams, group, unless }: NowPanel): CountPanel {
  const by: Grouping = 'field' in group ? { ...group, most: MOST_STATES, missing: true } : group;
  return {
    ...{
      name,
      title,
      as: 'donut',
      view: 'latest',
      streams,
      groups: [by],
      measures: [{ count: true, label: 'Records' }],
    },
    ...(about === undefined ? {} : { about }),
    ...(unless === undefined ? {} : { where: { not: unless } }),
  };
}
