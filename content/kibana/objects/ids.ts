/** Ids in Kibana: fixed, so that an import replaces what an earlier one made. */
import type { ViewName } from '../definitions/types.ts';

export const TAG = 'sluice';

export const viewId = (name: ViewName): string => `sluice-view-${name}`;
export const searchId = (name: string): string => `sluice-search-${name}`;
export const dashboardId = (name: string): string => `sluice-dashboard-${name}`;

export interface Reference {
  type: string;
  id: string;
  name: string;
}

/** A saved object as Kibana exports and imports it. */
export interface SavedObject {
  type: 'tag' | 'index-pattern' | 'search' | 'dashboard';
  id: string;
  attributes: Readonly<Record<string, unknown>>;
  references: readonly Reference[];
  coreMigrationVersion: string;
  typeMigrationVersion: string;
  managed: boolean;
}

/** Forms that Kibana 8.19 and 9 read: each brings them up to its own when it imports them. */
const FORMS = { tag: '8.0.0', 'index-pattern': '8.0.0', search: '8.0.0', dashboard: '8.9.0' } as const;
const CORE = '8.8.0';

export function savedObject(
  type: SavedObject['type'],
  id: string,
  attributes: SavedObject['attributes'],
  references: readonly Reference[],
): SavedObject {
  const versions = { coreMigrationVersion: CORE, typeMigrationVersion: FORMS[type], managed: false };
  return { type, id, attributes, references, ...versions };
}

export const ofTag: Reference = { type: 'tag', id: TAG, name: `tag-ref-${TAG}` };
