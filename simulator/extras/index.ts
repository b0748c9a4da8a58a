import { type Collection, resource, type Site } from '../resource.ts';
import { CSV_LISTS } from './csv.ts';
import { DEVICE_EXTRAS } from './devices.ts';
import type { Extra } from './extra.ts';
import { focusSearch } from './focus-search.ts';
import { OPTICS_EXTRAS } from './optics.ts';
import { PROTECT_EXTRAS } from './protect.ts';
import { threatPage } from './threat.ts';

export const EXTRAS: readonly Extra[] = [
  ...CSV_LISTS,
  ...OPTICS_EXTRAS,
  focusSearch,
  threatPage,
  ...DEVICE_EXTRAS,
  ...PROTECT_EXTRAS,
];

export const extras = resource<Site & Collection>({
  ...{ name: 'extras', streams: [], routes: EXTRAS },
  create: (site) => ({ ...site, truth: {} }),
});
