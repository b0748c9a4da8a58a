/** The Grafana board as Grafana imports it (dashboard JSON, schema version 39: Grafana 10.3 and later). */
import { type Panel, ROWS, STATE_NUMBERS } from './panels.ts';

type Json = Record<string, unknown>;

const DATA_SOURCE = { type: 'prometheus', uid: `\${datasource}` };
const COLORS: Record<keyof typeof STATE_NUMBERS, string> = {
  healthy: 'green',
  paused: 'blue',
  silent: 'purple',
  degraded: 'yellow',
  failing: 'red',
  stopped: 'dark-red',
};

export function grafanaBoard(): Json {
  return {
    ...{ uid: 'sluice', title: 'Sluice', tags: ['sluice'], schemaVersion: 39, version: 1, editable: true },
    description:
      'What Sluice reads, delivers and waits for. Made by `npm run docs`; every metric is in docs/metrics.md.',
    ...{ time: { from: 'now-6h', to: 'now' }, refresh: '1m', timezone: 'browser', graphTooltip: 1 },
    templating: { list: [dataSource(), ...(['source', 'stream', 'sink'] as const).map(variable)] },
    panels: placed(),
  };
}

function dataSource(): Json {
  return { name: 'datasource', label: 'Prometheus', type: 'datasource', query: 'prometheus', hide: 0 };
}

function variable(name: string): Json {
  return {
    ...{ name, label: name, type: 'query', datasource: DATA_SOURCE, refresh: 2, sort: 1, hide: 0 },
    ...{ multi: true, includeAll: true, allValue: '.*', current: { selected: true, text: ['All'], value: ['$__all'] } },
    query: { query: `label_values(sluice_stream_state, ${name})`, refId: 'A' },
  };
}

const WIDTH = 24;

/** From left to right and from top to bottom. */
function placed(): Json[] {
  const panels: Json[] = [];
  let y = 0;
  for (const row of ROWS) {
    panels.push({
      ...{ id: panels.length + 1, type: 'row', title: row.title, collapsed: false, panels: [] },
      gridPos: { x: 0, y, w: WIDTH, h: 1 },
    });
    y += 1;
    let x = 0;
    let height = 0;
    for (const panel of row.panels) {
      if (x + panel.width > WIDTH) {
        y += height;
        [x, height] = [0, 0];
      }
      panels.push({
        id: panels.length + 1,
        gridPos: { x, y, w: panel.width, h: panel.height },
        ...panelObject(panel),
      });
      x += panel.width;
      height = Math.max(height, panel.height);
    }
    y += height;
  }
  return panels;
}

const TYPES = { timeseries: 'timeseries', stat: 'stat', states: 'state-timeline', bars: 'bargauge' } as const;

function panelObject(panel: Panel): Json {
  const { title, description, kind, queries, unit } = panel;
  return {
    ...{ type: TYPES[kind], title, description, datasource: DATA_SOURCE },
    targets: queries.map(({ expr, legend, instant = false }, index) => ({
      ...{ refId: String.fromCharCode(65 + index), datasource: DATA_SOURCE, editorMode: 'code' },
      ...{ expr, legendFormat: legend, instant, range: !instant },
    })),
    fieldConfig: {
      defaults: { unit, min: kind === 'states' ? undefined : 0, ...looksOf(panel) },
      overrides: [],
    },
    options: optionsOf(kind, queries[0]?.legend ?? ''),
  };
}

function looksOf({ kind, thresholds }: Panel): Json {
  if (kind === 'states') return { color: { mode: 'thresholds' }, mappings: [stateNames()], thresholds: stateColors() };
  if (thresholds === undefined) return {};
  const [warning, critical] = thresholds;
  const steps = [
    { color: 'green', value: null },
    { color: 'yellow', value: warning },
    ...(critical > warning ? [{ color: 'red', value: critical }] : []),
  ];
  const line = kind === 'timeseries' ? { custom: { thresholdsStyle: { mode: 'line' } } } : {};
  return { thresholds: { mode: 'absolute', steps }, ...line };
}

function stateNames(): Json {
  const options = Object.entries(STATE_NUMBERS).map(([text, number]) => [String(number), { text, index: number }]);
  return { type: 'value', options: Object.fromEntries(options) };
}

function stateColors(): Json {
  const steps = Object.entries(STATE_NUMBERS).map(([state, number]) => ({
    color: COLORS[state as keyof typeof STATE_NUMBERS],
    value: number === 0 ? null : number,
  }));
  return { mode: 'absolute', steps };
}

const REDUCED = { calcs: ['lastNotNull'], fields: '', values: false };

function optionsOf(kind: Panel['kind'], legend: string): Json {
  if (kind === 'stat') return { reduceOptions: REDUCED, textMode: legend === '{{version}}' ? 'name' : 'value' };
  if (kind === 'bars') return { reduceOptions: REDUCED, orientation: 'horizontal', displayMode: 'basic' };
  if (kind === 'states') return { mergeValues: true, showValue: 'auto', rowHeight: 0.9 };
  return { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi', sort: 'desc' } };
}
