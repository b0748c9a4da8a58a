/** What Kibana 8.19 and 9 read of saved objects and detection rules, as far as the pack uses it: nothing else may stand in them. */
import { z } from 'zod';

const text = z.string().min(1);
const reference = z.strictObject({ type: z.enum(['tag', 'index-pattern', 'search']), id: text, name: text });
const kuery = z.strictObject({ query: z.string(), language: z.literal('kuery') });

/** A text that holds JSON of this shape. */
function jsonOf<Shape extends z.ZodType>(shape: Shape) {
  return z
    .string()
    .transform((held, context): unknown => {
      try {
        return JSON.parse(held);
      } catch {
        context.issues.push({ code: 'custom', message: 'is no JSON', input: held });
        return z.NEVER;
      }
    })
    .pipe(shape);
}

const column = z.discriminatedUnion('operationType', [
  operation('count', {
    sourceField: z.literal('___records___'),
    params: z.strictObject({ emptyAsNull: z.boolean() }),
    filter: kuery.optional(),
  }),
  operation('unique_count', { sourceField: text, params: z.strictObject({ emptyAsNull: z.boolean() }) }),
  operation('average', {
    sourceField: text,
    params: z.strictObject({ emptyAsNull: z.boolean(), format: z.unknown().optional() }),
  }),
  operation('sum', { sourceField: text, params: z.strictObject({ emptyAsNull: z.boolean() }) }),
  operation('max', { sourceField: text, params: z.strictObject({ emptyAsNull: z.boolean() }) }),
  operation('last_value', {
    sourceField: text,
    params: z.strictObject({ sortField: text, showArrayValues: z.boolean() }),
  }),
  operation('date_histogram', {
    sourceField: text,
    params: z.strictObject({ interval: z.literal('auto'), includeEmptyRows: z.boolean(), dropPartials: z.boolean() }),
  }),
  operation('filters', {
    params: z.strictObject({ filters: z.array(z.strictObject({ label: text, input: kuery })).min(1) }),
  }),
  operation('terms', {
    sourceField: text,
    params: z.strictObject({
      size: z.int().min(1).max(10_000),
      orderBy: z.discriminatedUnion('type', [
        z.strictObject({ type: z.literal('column'), columnId: text }),
        z.strictObject({ type: z.literal('alphabetical'), fallback: z.boolean() }),
      ]),
      orderDirection: z.enum(['asc', 'desc']),
      accuracyMode: z.literal(true),
      ...{
        otherBucket: z.boolean(),
        missingBucket: z.boolean(),
        parentFormat: z.strictObject({ id: z.literal('terms') }),
      },
      ...{
        include: z.array(z.never()),
        exclude: z.array(z.never()),
        includeIsRegex: z.boolean(),
        excludeIsRegex: z.boolean(),
      },
    }),
  }),
]);

function operation<Name extends string, More extends z.ZodRawShape>(name: Name, more: More) {
  return z.strictObject({
    ...{ operationType: z.literal(name), label: text, customLabel: z.literal(true), isBucketed: z.boolean() },
    dataType: z.enum(['string', 'number', 'date', 'ip', 'boolean']),
    scale: z.enum(['ratio', 'ordinal', 'interval']),
    ...more,
  });
}

const lens = z.strictObject({
  ...{ title: text, description: z.string(), type: z.literal('lens'), references: z.array(reference).length(1) },
  visualizationType: z.enum(['lnsMetric', 'lnsXY', 'lnsPie', 'lnsDatatable']),
  state: z.strictObject({
    datasourceStates: z.strictObject({
      formBased: z.strictObject({
        layers: z.record(
          text,
          z.strictObject({
            ...{
              columnOrder: z.array(text).min(1),
              columns: z.record(text, column),
              incompleteColumns: z.strictObject({}),
            },
            ...{ sampling: z.literal(1), ignoreGlobalFilters: z.boolean() },
          }),
        ),
      }),
    }),
    visualization: z.record(text, z.unknown()),
    ...{
      query: kuery,
      filters: z.array(z.never()),
      internalReferences: z.array(z.never()),
      adHocDataViews: z.strictObject({}),
    },
  }),
});

const savedVis = z.strictObject({
  ...{ title: text, description: z.string(), type: z.literal('vega'), uiState: z.strictObject({}) },
  params: z.strictObject({ spec: jsonOf(z.record(text, z.unknown())) }),
  data: z.strictObject({
    aggs: z.array(z.never()),
    searchSource: z.strictObject({ query: kuery, filter: z.array(z.never()) }),
  }),
});

const placed = {
  ...{ version: text, panelIndex: text, title: text },
  gridData: z.strictObject({ x: z.int().min(0), y: z.int().min(0), w: z.int().min(6), h: z.int().min(4), i: text }),
};
const embedded = { description: z.string(), enhancements: z.strictObject({}) };
const panel = z.discriminatedUnion('type', [
  z.strictObject({
    ...placed,
    type: z.literal('lens'),
    embeddableConfig: z.strictObject({ ...embedded, attributes: lens }),
  }),
  z.strictObject({
    ...placed,
    type: z.literal('visualization'),
    embeddableConfig: z.strictObject({ ...embedded, savedVis }),
  }),
  z.strictObject({
    ...placed,
    type: z.literal('search'),
    panelRefName: text,
    embeddableConfig: z.strictObject(embedded),
  }),
]);
export type KibanaPanel = z.output<typeof panel>;

const control = z.strictObject({
  ...{
    type: z.literal('optionsListControl'),
    order: z.int(),
    grow: z.boolean(),
    width: z.enum(['small', 'medium', 'large']),
  },
  explicitInput: z.strictObject({
    ...{
      id: text,
      dataViewId: text,
      fieldName: text,
      title: text,
      searchTechnique: z.enum(['prefix', 'wildcard', 'exact']),
    },
    ...{ selectedOptions: z.array(z.never()), enhancements: z.strictObject({}) },
    sort: z.strictObject({ by: z.enum(['_count', '_key']), direction: z.enum(['asc', 'desc']) }),
  }),
});

const shared = {
  id: text,
  references: z.array(reference),
  coreMigrationVersion: text,
  typeMigrationVersion: text,
  managed: z.literal(false),
};

export const SAVED_OBJECT = z.discriminatedUnion('type', [
  z.strictObject({
    ...{ type: z.literal('tag'), ...shared },
    attributes: z.strictObject({ name: text, description: z.string(), color: z.string().regex(/^#[0-9A-F]{6}$/) }),
  }),
  z.strictObject({
    ...{ type: z.literal('index-pattern'), ...shared },
    attributes: z.strictObject({
      ...{ title: text, name: text, timeFieldName: text, allowNoIndex: z.literal(true) },
      ...{
        fields: jsonOf(z.array(z.never())),
        fieldAttrs: jsonOf(z.strictObject({})),
        runtimeFieldMap: jsonOf(z.strictObject({})),
      },
      ...{ sourceFilters: jsonOf(z.array(z.never())), fieldFormatMap: jsonOf(z.record(text, z.unknown())) },
    }),
  }),
  z.strictObject({
    ...{ type: z.literal('search'), ...shared },
    attributes: z.strictObject({
      ...{ title: text, description: z.string(), columns: z.array(text).min(1), grid: z.strictObject({}) },
      sort: z.array(z.tuple([text, z.enum(['asc', 'desc'])])).min(1),
      ...{ hideChart: z.boolean(), isTextBasedQuery: z.literal(false), timeRestore: z.literal(false) },
      kibanaSavedObjectMeta: z.strictObject({
        searchSourceJSON: jsonOf(z.strictObject({ query: kuery, filter: z.array(z.never()), indexRefName: text })),
      }),
    }),
  }),
  z.strictObject({
    ...{ type: z.literal('dashboard'), ...shared },
    attributes: z.strictObject({
      ...{
        title: text,
        description: text,
        version: z.int(),
        timeRestore: z.literal(true),
        timeFrom: text,
        timeTo: z.literal('now'),
      },
      ...{ panelsJSON: jsonOf(z.array(panel).min(1)), optionsJSON: jsonOf(z.record(text, z.boolean())) },
      controlGroupInput: z.strictObject({
        ...{
          chainingSystem: z.literal('HIERARCHICAL'),
          controlStyle: z.literal('oneLine'),
          showApplySelections: z.boolean(),
        },
        ...{
          ignoreParentSettingsJSON: jsonOf(z.record(text, z.boolean())),
          panelsJSON: jsonOf(z.record(text, control)),
        },
      }),
      kibanaSavedObjectMeta: z.strictObject({
        searchSourceJSON: jsonOf(z.strictObject({ query: kuery, filter: z.array(z.never()) })),
      }),
    }),
  }),
]);

const severity = z.enum(['low', 'medium', 'high', 'critical']);
const duration = z.string().regex(/^[1-9]\d*[smhd]$/);
const list = z.array(z.never());

const ruleBase = {
  ...{
    rule_id: text,
    version: z.int().min(1),
    name: text,
    description: text,
    note: text,
    severity,
    risk_score: z.int().min(0).max(100),
  },
  ...{ tags: z.array(text), author: z.array(text), license: text, enabled: z.literal(false) },
  ...{
    interval: duration,
    from: z.string().regex(/^now-[1-9]\d*[smhd]$/),
    to: z.literal('now'),
    max_signals: z.int().min(1).max(1000),
  },
  severity_mapping: z.array(z.strictObject({ field: text, operator: z.literal('equals'), value: text, severity })),
  risk_score_mapping: z.array(z.strictObject({ field: text, operator: z.literal('equals'), value: z.literal('') })),
  rule_name_override: text.optional(),
  alert_suppression: z.strictObject({
    group_by: z.array(text).min(1).max(3),
    duration: z.strictObject({ value: z.int().min(1), unit: z.enum(['s', 'm', 'h']) }),
    missing_fields_strategy: z.enum(['doNotSuppress', 'suppress']),
  }),
  investigation_fields: z.strictObject({ field_names: z.array(text).min(1) }),
  ...{
    actions: list,
    exceptions_list: list,
    false_positives: list,
    references: list,
    threat: list,
    related_integrations: list,
  },
};

export const RULE = z.discriminatedUnion('type', [
  z.strictObject({
    ...{
      type: z.literal('query'),
      language: z.literal('kuery'),
      query: text,
      filters: list,
      index: z.array(text).min(1),
      ...ruleBase,
    },
    ...{ timestamp_override: z.literal('event.ingested'), timestamp_override_fallback_disabled: z.boolean() },
  }),
  z.strictObject({ type: z.literal('esql'), language: z.literal('esql'), query: text, ...ruleBase }),
]);
