/** Detection rules as Kibana's detection engine exports and imports them. */
import { fieldsOf, ofStreams, toKql } from '../condition.ts';
import type { DetectionRule } from '../definitions/types.ts';
import { viewOf } from '../definitions/views.ts';

/** As it is imported: the rule, by its `rule_id`. */
export type RuleObject = Readonly<Record<string, unknown>> & { rule_id: string; version: number; name: string };

/** Kibana itself raises no more in a run than this, unless its own setting says otherwise. */
const MOST_ALERTS = 1000;

export function ruleObject(rule: DetectionRule): RuleObject {
  const { suppress, severities = [], nameField, scoreField } = rule;
  return {
    ...{ rule_id: rule.id, version: rule.version, name: rule.name, description: rule.about, note: rule.note },
    ...{
      severity: rule.severity,
      risk_score: rule.riskScore,
      tags: rule.tags,
      author: ['Sluice'],
      license: 'Apache-2.0',
    },
    ...{ enabled: false, interval: rule.interval, from: rule.from, to: 'now', max_signals: MOST_ALERTS },
    severity_mapping: severities.map(({ field, is, severity }) => ({ field, operator: 'equals', value: is, severity })),
    risk_score_mapping: scoreField === undefined ? [] : [{ field: scoreField, operator: 'equals', value: '' }],
    ...(nameField === undefined ? {} : { rule_name_override: nameField }),
    ...searched(rule),
    alert_suppression: {
      group_by: suppress.by,
      duration: { value: suppress.hours, unit: 'h' },
      missing_fields_strategy: 'doNotSuppress',
    },
    investigation_fields: { field_names: rule.shows },
    ...{ actions: [], exceptions_list: [], false_positives: [], references: [], threat: [], related_integrations: [] },
  };
}

/** What it looks for, and by which time. */
function searched({ of }: DetectionRule): Readonly<Record<string, unknown>> {
  if ('esql' in of) return { type: 'esql', language: 'esql', query: of.esql };
  return {
    ...{ type: 'query', language: 'kuery', query: toKql(ofStreams(of.streams, of.where)), filters: [] },
    index: viewOf(of.view).pattern.split(','),
    ...{ timestamp_override: 'event.ingested', timestamp_override_fallback_disabled: false },
  };
}

/** Every field that a rule reads of a document. */
export function fieldsOfRule({ of, suppress, shows, severities = [], nameField, scoreField }: DetectionRule): string[] {
  const searches = 'esql' in of ? of.reads : [...fieldsOf(ofStreams(of.streams, of.where)), ...shows, 'event.ingested'];
  const named = [nameField, scoreField].filter((field) => field !== undefined);
  return [...new Set([...searches, ...suppress.by, ...severities.map(({ field }) => field), ...named])];
}
