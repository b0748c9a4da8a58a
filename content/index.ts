/** What a SIEM installs, made from the definitions: for `sluice setup kibana`, and as files. */
import { DASHBOARDS, SEARCHES } from './kibana/definitions/index.ts';
import { RULES } from './kibana/definitions/rules.ts';
import { VIEWS } from './kibana/definitions/views.ts';
import { dashboardObject, searchObject, tagObject, viewObject } from './kibana/objects/dashboard.ts';
import type { SavedObject } from './kibana/objects/ids.ts';
import { type RuleObject, ruleObject } from './kibana/objects/rule.ts';

/** What others refer to comes first. `latest`: for a cluster that keeps the newest revision of each record in `latest-*`. */
export function savedObjects(latest = false): SavedObject[] {
  const views = VIEWS.filter(({ name }) => latest || name !== 'latest');
  const dashboards = DASHBOARDS.map((dashboard) => dashboardObject(dashboard, latest));
  return [tagObject(), ...views.map(viewObject), ...SEARCHES.map(searchObject), ...dashboards];
}

export function detectionRules(): RuleObject[] {
  return RULES.map(ruleObject);
}

/** A line each, as Kibana exports and imports them. */
export function toNdjson(objects: readonly unknown[]): string {
  return objects.map((object) => `${JSON.stringify(object)}\n`).join('');
}
