import type { Json } from '../artifacts.ts';
import { SEVERITIES, severityIndex } from '../attributes.ts';
import { readListQuery } from '../query.ts';
import { errorReply } from '../reply.ts';
import type { World } from '../world.ts';
import { type Extra, inPages, whole } from './extra.ts';
import { isSameId, itemsOf, present } from './present.ts';

/** Pages of Optics that are no thing's own. */

/** A template with all rules of the tenant's sets, to make others from. */
const defaultRuleSet: Extra = {
  ...{ name: 'rule-sets/default', path: '/rulesets/v2/default', scope: 'opticsruleset:read' },
  answer(world) {
    const rules = new Map<unknown, unknown>();
    for (const set of present(world, 'rule-sets')) {
      for (const rule of set.whole.rules as { detection_rule_id: string }[]) rules.set(rule.detection_rule_id, rule);
    }
    const head = { name: '', description: '', notification_message: '', category: 'Custom' };
    return whole({ ...head, rules: [...rules.values()] });
  },
};

/** How many detections of each severity the filters leave in. Its shape is assumed. */
const severities: Extra = {
  ...{ name: 'severity', path: '/detections/v2/severity', scope: 'opticsdetect:list' },
  answer(world, { params }) {
    const query = readListQuery(params, world.settings.maxPageSize);
    if ('problem' in query) return errorReply(400, query.problem);
    const { total, slice } = world.selector.select(query);
    const counts = SEVERITIES.map((severity) => [severity, 0] as [string, number]);
    for (const serial of slice(0, total)) {
      const count = counts[severityIndex(world.tenant.facts, serial)];
      if (count !== undefined) count[1]++;
    }
    return whole(Object.fromEntries(counts));
  },
};

/** Which rule set each policy has. Its shape is assumed. */
function configurations(world: World): Json[] {
  return itemsOf(world, 'rule-sets').flatMap(({ id, policies }) =>
    (policies as string[]).map((policy_id) => ({
      ...{ policy_id, configuration_type: 'DETECTION', configuration_id: id },
    })),
  );
}

const CONFIGURATIONS = '/opticsPolicies/v2/configurations';

export const OPTICS_EXTRAS: readonly Extra[] = [
  defaultRuleSet,
  severities,
  {
    ...{ name: 'configurations', path: CONFIGURATIONS, scope: 'opticspolicy:list' },
    answer: (world, asked) => inPages(world, asked, 'configurations', configurations(world)),
  },
  {
    ...{ name: 'configurations/{id}', path: `${CONFIGURATIONS}/{id}`, scope: 'opticspolicy:read' },
    answer: (world, { argument }) => whole(configurations(world).find((one) => isSameId(one.policy_id, argument))),
  },
];
