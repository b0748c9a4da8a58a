/** Dashboards, saved searches and data views as Kibana's saved objects. */
import { ofStreams, toKql } from '../condition.ts';
import type { Control, Dashboard, Panel, SearchPanel, View } from '../definitions/types.ts';
import { viewOf } from '../definitions/views.ts';
import { onLatest } from '../latest.ts';
import { dashboardId, ofTag, type Reference, type SavedObject, savedObject, searchId, TAG, viewId } from './ids.ts';
import { lensOf } from './lens.ts';
import { vegaOf } from './vega.ts';

const WIDTH = 48;
const PANEL_FORM = '8.9.0';

export function tagObject(): SavedObject {
  const attributes = { name: 'Sluice', description: 'Made by `sluice setup kibana`', color: '#3E7CB1' };
  return savedObject('tag', TAG, attributes, []);
}

export function viewObject({ name, title, pattern, time }: View): SavedObject {
  const formats = {
    'event.url': { id: 'url', params: {} },
    'event.duration': {
      id: 'duration',
      params: { inputFormat: 'nanoseconds', outputFormat: 'humanizePrecise', outputPrecision: 1 },
    },
  };
  const attributes = {
    ...{ title: pattern, name: title, timeFieldName: time, allowNoIndex: true },
    ...{ fields: '[]', fieldAttrs: '{}', runtimeFieldMap: '{}', sourceFilters: '[]' },
    fieldFormatMap: JSON.stringify(formats),
  };
  return savedObject('index-pattern', viewId(name), attributes, []);
}

export function searchObject(panel: SearchPanel): SavedObject {
  const indexRefName = 'kibanaSavedObjectMeta.searchSourceJSON.index';
  const query = { query: toKql(ofStreams(panel.streams, panel.where)), language: 'kuery' };
  const attributes = {
    ...{ title: `Sluice: ${panel.title}`, description: panel.about ?? '', columns: panel.columns },
    ...{ sort: [[panel.sort, 'desc']], grid: {}, hideChart: false, isTextBasedQuery: false, timeRestore: false },
    kibanaSavedObjectMeta: { searchSourceJSON: JSON.stringify({ query, filter: [], indexRefName }) },
  };
  const references = [{ type: 'index-pattern', id: viewId(panel.view), name: indexRefName }, ofTag];
  return savedObject('search', searchId(panel.name), attributes, references);
}

/** `latest`: whether the cluster keeps the newest revision of each record apart. */
export function dashboardObject(dashboard: Dashboard, latest: boolean): SavedObject {
  const references: Reference[] = [ofTag];
  const panels: unknown[] = [];
  let y = 0;
  for (const { height, panels: row } of dashboard.rows) {
    let x = 0;
    row.forEach((one, at) => {
      const panel = latest ? onLatest(one) : one;
      const w = Math.floor((WIDTH * (at + 1)) / row.length) - x;
      const placed = placedPanel(panel, { x, y, w, h: height });
      panels.push(placed.panel);
      references.push(...placed.references);
      x += w;
    });
    y += height;
  }
  const controls = controlsOf(dashboard.controls);
  references.push(...controls.references);
  const attributes = {
    ...{ title: dashboard.title, description: dashboard.about, version: 1 },
    ...{ timeRestore: true, timeFrom: dashboard.span, timeTo: 'now' },
    panelsJSON: JSON.stringify(panels),
    optionsJSON: JSON.stringify({
      useMargins: true,
      hidePanelTitles: false,
      syncColors: true,
      syncCursor: true,
      syncTooltips: false,
    }),
    controlGroupInput: controls.input,
    kibanaSavedObjectMeta: {
      searchSourceJSON: JSON.stringify({ query: { query: '', language: 'kuery' }, filter: [] }),
    },
  };
  return savedObject('dashboard', dashboardId(dashboard.name), attributes, references);
}

interface Grid {
  x: number;
  y: number;
  w: number;
  h: number;
}

/** A panel's name is its index in the dashboard, and what its references begin with. */
function placedPanel(panel: Panel, grid: Grid): { panel: unknown; references: Reference[] } {
  const { name, title, about: description = '' } = panel;
  const shared = { version: PANEL_FORM, gridData: { ...grid, i: name }, panelIndex: name, title };
  const config = { description, enhancements: {} };
  if (panel.as === 'search') {
    const reference = { type: 'search', id: searchId(name), name: `${name}:panel_${name}` };
    return {
      panel: { ...shared, type: 'search', panelRefName: `panel_${name}`, embeddableConfig: config },
      references: [reference],
    };
  }
  if (panel.as === 'now') {
    return {
      panel: { ...shared, type: 'visualization', embeddableConfig: { ...config, savedVis: vegaOf(panel) } },
      references: [],
    };
  }
  const { attributes, references } = lensOf(panel);
  const named = references.map((reference) => ({ ...reference, name: `${name}:${reference.name}` }));
  return { panel: { ...shared, type: 'lens', embeddableConfig: { ...config, attributes } }, references: named };
}

function controlsOf(controls: readonly Control[]): { input: unknown; references: Reference[] } {
  const dataView = viewId(viewOf('records').name);
  const entries = controls.map(({ field, title }, order): [string, unknown] => {
    const id = `control-${field}`;
    const explicitInput = {
      ...{
        id,
        dataViewId: dataView,
        fieldName: field,
        title,
        searchTechnique: 'prefix',
        selectedOptions: [],
        enhancements: {},
      },
      sort: { by: '_count', direction: 'desc' },
    };
    return [id, { type: 'optionsListControl', order, grow: true, width: 'medium', explicitInput }];
  });
  const references = entries.map(([id]) => ({
    type: 'index-pattern',
    id: dataView,
    name: `controlGroup_${id}:optionsListDataView`,
  }));
  const input = {
    ...{ chainingSystem: 'HIERARCHICAL', controlStyle: 'oneLine', showApplySelections: false },
    ignoreParentSettingsJSON: JSON.stringify({
      ignoreFilters: false,
      ignoreQuery: false,
      ignoreTimerange: false,
      ignoreValidations: false,
    }),
    panelsJSON: JSON.stringify(Object.fromEntries(entries)),
  };
  return { input, references };
}
