/**
 * A panel of what is now, as a Vega-Lite visualization: Lens cannot count records by the state of their newest revision,
 * and ES|QL cannot either in Kibana 8.19. The query is the one that tests execute.
 */
import { ofStreams, toQuery, toVega, vegaName } from '../condition.ts';
import type { NowPanel } from '../definitions/types.ts';
import { viewOf } from '../definitions/views.ts';
import { NOTHING_SAID, nowAggregation, nowFields } from '../query.ts';

/** The visualization as Kibana keeps it inside a dashboard. */
export function vegaOf(panel: NowPanel): Readonly<Record<string, unknown>> {
  const data = { aggs: [], searchSource: { query: { query: '', language: 'kuery' }, filter: [] } };
  const spec = JSON.stringify(vegaSpec(panel), undefined, 2);
  return { title: panel.title, description: panel.about ?? '', type: 'vega', params: { spec }, uiState: {}, data };
}

export function vegaSpec(panel: NowPanel): Readonly<Record<string, unknown>> {
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v5.json',
    data: { url: requestOf(panel), format: { property: 'aggregations.records.buckets' } },
    transform: transformOf(panel),
    encoding: {
      y: {
        field: 'state',
        type: 'nominal',
        sort: { op: 'sum', field: 'records', order: 'descending' },
        axis: { title: null },
      },
      x: { field: 'records', type: 'quantitative', axis: { title: null, tickMinStep: 1 } },
    },
    layer: [
      { mark: { type: 'bar', tooltip: true } },
      { mark: { type: 'text', align: 'left', dx: 4 }, encoding: { text: { field: 'records', type: 'quantitative' } } },
    ],
  };
}

/** Kibana puts in the dashboard's filters and its time range. */
function requestOf(panel: NowPanel) {
  const { pattern, time } = viewOf(panel.view);
  const bool = {
    must: ['%dashboard_context-must_clause%', { range: { [time]: { '%timefilter%': true } } }],
    filter: ['%dashboard_context-filter_clause%', toQuery(ofStreams(panel.streams, panel.where))],
    must_not: ['%dashboard_context-must_not_clause%'],
  };
  return { index: pattern, body: { size: 0, query: { bool }, aggs: nowAggregation(panel) } };
}

/** From the buckets to a number for each state: as `rowsOf` does it. */
export function transformOf(panel: NowPanel): Readonly<Record<string, unknown>>[] {
  const { group, unless } = panel;
  const fields = nowFields(panel).map((field) => ({ calculate: saidOf(field), as: vegaName(field) }));
  const left = unless === undefined ? [] : [{ filter: `!(${toVega(unless)})` }];
  const state =
    'field' in group
      ? [
          {
            calculate: `isValid(datum.${vegaName(group.field)}) ? toString(datum.${vegaName(group.field)}) : ${text(NOTHING_SAID)}`,
            as: 'state',
          },
        ]
      : [{ calculate: casesOf(group.cases), as: 'state' }, { filter: 'isValid(datum.state)' }];
  const counted = { aggregate: [{ op: 'count', as: 'records' }], groupby: ['state'] };
  return [...fields, ...left, ...state, counted];
}

function saidOf(field: string): string {
  const hit = 'datum.last.hits.hits[0]';
  const said = `${hit}.fields[${text(field)}]`;
  return `${hit}.fields && ${said} ? ${said}[0] : null`;
}

function casesOf(cases: readonly { label: string; where: Parameters<typeof toVega>[0] }[]): string {
  return cases.reduceRight(
    (otherwise, { label, where }) => `(${toVega(where)}) ? ${text(label)} : ${otherwise}`,
    'null',
  );
}

function text(value: string): string {
  return JSON.stringify(value);
}
