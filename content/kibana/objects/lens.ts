/** A panel that counts, as a visualization of Kibana's Lens. */
import { ofStreams, toKql } from '../condition.ts';
import type { CountPanel, Grouping, Measure } from '../definitions/types.ts';
import { type Reference, viewId } from './ids.ts';

type Column = Readonly<Record<string, unknown>>;

export interface Lens {
  attributes: Readonly<Record<string, unknown>>;
  references: Reference[];
}

const LAYER = 'layer';

export function lensOf(panel: CountPanel): Lens {
  const groups = panel.groups.map((group, at): [string, Column] => [`group${at}`, groupColumn(group, panel)]);
  const measures = panel.measures.map((measure, at): [string, Column] => [`measure${at}`, measureColumn(measure)]);
  const columns = [...groups, ...measures];
  const layer = {
    columnOrder: columns.map(([id]) => id),
    columns: Object.fromEntries(columns),
    incompleteColumns: {},
    sampling: 1,
    ignoreGlobalFilters: false,
  };
  const references = [
    { type: 'index-pattern', id: viewId(panel.view), name: `indexpattern-datasource-layer-${LAYER}` },
  ];
  const state = {
    datasourceStates: { formBased: { layers: { [LAYER]: layer } } },
    visualization: pictureOf(panel),
    query: { query: toKql(ofStreams(panel.streams, panel.where)), language: 'kuery' },
    filters: [],
    internalReferences: [],
    adHocDataViews: {},
  };
  const attributes = {
    title: panel.title,
    description: panel.about ?? '',
    visualizationType: TYPES[panel.as],
    type: 'lens',
    references,
    state,
  };
  return { attributes, references };
}

const TYPES = { metric: 'lnsMetric', bars: 'lnsXY', donut: 'lnsPie', table: 'lnsDatatable' } as const;

function groupColumn(group: Grouping, { measures }: CountPanel): Column {
  const shared = { label: group.label, customLabel: true, isBucketed: true };
  if ('time' in group) {
    const params = { interval: 'auto', includeEmptyRows: true, dropPartials: false };
    return {
      ...shared,
      dataType: 'date',
      operationType: 'date_histogram',
      sourceField: group.time,
      scale: 'interval',
      params,
    };
  }
  if ('cases' in group) {
    const filters = group.cases.map(({ label, where }) => ({
      label,
      input: { query: toKql(where), language: 'kuery' },
    }));
    return { ...shared, dataType: 'string', operationType: 'filters', scale: 'ordinal', params: { filters } };
  }
  const byName = group.by === 'name' || measures.length === 0;
  const params = {
    size: group.most,
    orderBy: byName ? { type: 'alphabetical', fallback: false } : { type: 'column', columnId: 'measure0' },
    orderDirection: byName ? 'asc' : 'desc',
    accuracyMode: true,
    otherBucket: group.missing ?? false, // Lens shows what is missing only beside all others
    missingBucket: group.missing ?? false,
    parentFormat: { id: 'terms' },
    ...{ include: [], exclude: [], includeIsRegex: false, excludeIsRegex: false },
  };
  return {
    ...shared,
    dataType: group.kind ?? 'string',
    operationType: 'terms',
    sourceField: group.field,
    scale: 'ordinal',
    params,
  };
}

function measureColumn(measure: Measure): Column {
  const shared = { label: measure.label, customLabel: true, isBucketed: false, scale: 'ratio', dataType: 'number' };
  if ('count' in measure) {
    const filter = measure.where && { filter: { query: toKql(measure.where), language: 'kuery' } };
    return {
      ...shared,
      operationType: 'count',
      sourceField: '___records___',
      params: { emptyAsNull: false },
      ...filter,
    };
  }
  if ('distinct' in measure) {
    return { ...shared, operationType: 'unique_count', sourceField: measure.distinct, params: { emptyAsNull: false } };
  }
  if ('average' in measure) {
    return { ...shared, operationType: 'average', sourceField: measure.average, params: { emptyAsNull: true } };
  }
  if ('sum' in measure)
    return { ...shared, operationType: 'sum', sourceField: measure.sum, params: { emptyAsNull: true } };
  if ('newest' in measure) {
    return {
      ...shared,
      dataType: 'date',
      operationType: 'max',
      sourceField: measure.newest,
      params: { emptyAsNull: true },
    };
  }
  const params = { sortField: measure.by, showArrayValues: false };
  const scale = measure.kind === 'number' ? 'ratio' : 'ordinal';
  return {
    ...shared,
    dataType: measure.kind ?? 'string',
    operationType: 'last_value',
    sourceField: measure.last,
    scale,
    params,
  };
}

function pictureOf(panel: CountPanel): unknown {
  const groups = panel.groups.map((_, at) => `group${at}`);
  const measures = panel.measures.map((_, at) => `measure${at}`);
  const layer = { layerId: LAYER, layerType: 'data' };
  if (panel.as === 'metric') return { ...layer, metricAccessor: measures[0] };
  if (panel.as === 'table') return { ...layer, ...table(groups, measures) };
  if (panel.as === 'donut')
    return { shape: 'donut', layers: [{ ...layer, primaryGroups: groups, metrics: measures, ...DONUT }] };
  const [xAccessor, splitAccessor] = groups;
  const split = splitAccessor === undefined ? {} : { splitAccessor };
  const bars = {
    ...layer,
    seriesType: 'bar_stacked',
    accessors: measures,
    xAccessor,
    ...split,
    position: 'top',
    showGridlines: false,
  };
  return { preferredSeriesType: 'bar_stacked', layers: [bars], ...BARS };
}

function table(groups: readonly string[], measures: readonly string[]) {
  const columns = [
    ...groups.map((columnId) => ({ columnId, isTransposed: false, isMetric: false })),
    ...measures.map((columnId) => ({ columnId, isTransposed: false, isMetric: true })),
  ];
  return { columns, paging: { enabled: true, size: 10 }, rowHeight: 'single', headerRowHeight: 'single' };
}

const DONUT = { numberDisplay: 'percent', categoryDisplay: 'default', legendDisplay: 'default', nestedLegend: false };
const BARS = {
  legend: { isVisible: true, position: 'right' },
  valueLabels: 'hide',
  fittingFunction: 'None',
  axisTitlesVisibilitySettings: { x: false, yLeft: false, yRight: false },
};
