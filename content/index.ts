/** What a SIEM installs, made from the definitions: for `sluice setup kibana`, and as files. */
import { DASHBOARDS, SEARCHES } from './kibana/definitions/index.ts';
import { RULES } from './kibana/definitions/rules.ts';
import { VIEWS } from './kibana/definitions/views.ts';
import { dashboardObject, searchObject, tagObject, viewObject } from './kibana/objects/dashboard.ts';
import type { SavedObject } from './kibana/objects/ids.ts';
import { type RuleObject, ruleObject } from './kibana/objects/rule.ts';

/** What others refer to comes first. */
export function savedObjects(): SavedObject[] {
  return [tagObject(), ...VIEWS.map(viewObject), ...SEARCHES.map(searchObject), ...DASHBOARDS.map(dashboardObject)];
}

export function detectionRules(): RuleObject[] {
  return RULES.map(ruleObject);
}

/** A line each, as Kibana exports and imports them. */
export function toNdjson(objects: readonly unknown[]): string {
  return objects.map((object) => `${JSON.stringify(object)}\n`).join('');
}
