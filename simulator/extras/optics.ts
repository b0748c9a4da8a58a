import type { Json } from '../artifacts.ts';
import type { Site } from '../resource.ts';
import { type Extra, inPages, isSameId, whole } from './extra.ts';

/** Pages of Optics that belong to no resource. */

/** A template for new rule sets, with all rules of the tenant's sets. */
const defaultRuleSet: Extra = {
  ...{ endpoint: 'rule-sets/default', path: '/rulesets/v2/default', scope: 'opticsruleset:read' },
  answer(site) {
    const rules = new Map<unknown, unknown>();
    for (const set of site.presentOf('rule-sets')) {
      for (const rule of set.whole.rules as { detection_rule_id: string }[]) rules.set(rule.detection_rule_id, rule);
    }
    const head = { name: '', description: '', notification_message: '', category: 'Custom' };
    return whole({ ...head, rules: [...rules.values()] });
  },
};

/** The rule set of each policy. The shape of the reply is assumed. */
function configurations(site: Site): Json[] {
  return site
    .presentOf('rule-sets')
    .map(({ item }) => item)
    .flatMap(({ id, policies }) =>
      (policies as string[]).map((policy_id) => ({
        ...{ policy_id, configuration_type: 'DETECTION', configuration_id: id },
      })),
    );
}

const CONFIGURATIONS = '/opticsPolicies/v2/configurations';

export const OPTICS_EXTRAS: readonly Extra[] = [
  defaultRuleSet,
  {
    ...{ endpoint: 'configurations', path: CONFIGURATIONS, scope: 'opticspolicy:list' },
    answer: (site, asked) => inPages(site, asked, 'configurations', configurations(site)),
  },
  {
    ...{ endpoint: 'configurations/{id}', path: `${CONFIGURATIONS}/{id}`, scope: 'opticspolicy:read' },
    answer: (site, { argument }) => whole(configurations(site).find((one) => isSameId(one.policy_id, argument))),
  },
];
