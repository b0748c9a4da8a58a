import { CSV_LISTS } from './csv.ts';
import type { Extra } from './extra.ts';
import { focusSearch } from './focus-search.ts';
import { defaultRuleSet } from './optics.ts';
import { threatPage } from './threat.ts';

/** All of them; the first whose address fits answers. */
export const EXTRAS: readonly Extra[] = [...CSV_LISTS, defaultRuleSet, focusSearch, threatPage];
