import { type Extra, whole } from './extra.ts';
import { present } from './present.ts';

/** A template with all rules of the tenant's sets, to make others from. */
export const defaultRuleSet: Extra = {
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
