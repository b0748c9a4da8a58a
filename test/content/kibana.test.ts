/** The pack for Kibana: valid, complete in itself, and about fields that there are. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { streams } from '../../connectors/index.ts';
import { detectionRules, savedObjects } from '../../content/index.ts';
import { fieldsOf, fits, ofStreams, toKql, toQuery, toVega, vegaName } from '../../content/kibana/condition.ts';
import { DASHBOARDS, PANELS } from '../../content/kibana/definitions/index.ts';
import { RULES } from '../../content/kibana/definitions/rules.ts';
import type { Condition, CountPanel, Panel } from '../../content/kibana/definitions/types.ts';
import { VIEWS } from '../../content/kibana/definitions/views.ts';
import { onLatest } from '../../content/kibana/latest.ts';
import { fieldsOfRule } from '../../content/kibana/objects/rule.ts';
import { transformOf } from '../../content/kibana/objects/vega.ts';
import { nowFields, rowsOf } from '../../content/kibana/query.ts';
import type { EcsDocument } from '../../src/api/document.ts';
import { HEARTBEAT } from '../../src/engine/heartbeat.ts';
import { heartbeatOf, NOTHING_COUNTED } from '../../src/observe/heartbeat.ts';
import type { Statistics } from '../../src/observe/statistics.ts';
import { templatesFor } from '../../src/sinks/elasticsearch/templates.ts';
import { folderOf } from '../fixtures/documents.ts';
import { type KibanaPanel, RULE, SAVED_OBJECT } from './kibana-schemas.ts';
import { evaluate, transformed } from './vega.ts';

describe.each([
  ['for a cluster as it is', false],
  ['for one with latest-*', true],
])('the saved objects %s', (_, latest) => {
  const objects = savedObjects(latest);

  it.each(objects.map((object) => [`${object.type} ${object.id}`, object] as const))('%s has the form', (_, object) => {
    expect(SAVED_OBJECT.safeParse(object).error?.issues ?? []).toEqual([]);
  });

  it('have an id each, and refer only to one another', () => {
    const ids = objects.map(({ type, id }) => `${type} ${id}`);
    expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([]);
    const missing = objects.flatMap(({ references }) =>
      references.filter(({ type, id }) => !ids.includes(`${type} ${id}`)),
    );
    expect(missing).toEqual([]);
    for (const { references } of objects) {
      const names = references.map(({ name }) => name);
      expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
    }
  });

  it('come after what they refer to', () => {
    const seen = new Set<string>();
    for (const { type, id, references } of objects) {
      for (const reference of references) expect(seen).toContain(`${reference.type} ${reference.id}`);
      seen.add(`${type} ${id}`);
    }
  });

  it('have every panel in its place, with all that it refers to', () => {
    const found = objects.filter(({ type }) => type === 'dashboard');
    expect(found.map(({ attributes }) => attributes.title)).toEqual(DASHBOARDS.map(({ title }) => title));
    for (const object of found) {
      const { attributes, references } = object;
      const names = references.map(({ name }) => name);
      const panels = JSON.parse(attributes.panelsJSON as string) as KibanaPanel[];
      const taken = new Set<string>();
      for (const panel of panels) {
        const { x, y, w, h, i } = panel.gridData;
        expect(i).toBe(panel.panelIndex);
        expect(x + w).toBeLessThanOrEqual(48);
        for (let column = x; column < x + w; column++)
          for (let row = y; row < y + h; row++) {
            expect(taken.has(`${column} ${row}`), `${panel.title} lies on another panel`).toBe(false);
            taken.add(`${column} ${row}`);
          }
        if (panel.type === 'search') expect(names).toContain(`${i}:${panel.panelRefName}`);
        if (panel.type === 'lens') lensHolds(panel, names);
      }
      const controls = JSON.parse((attributes.controlGroupInput as { panelsJSON: string }).panelsJSON) as object;
      for (const id of Object.keys(controls)) expect(names).toContain(`controlGroup_${id}:optionsListDataView`);
    }
  });
});

/** All columns that the picture shows, and those that it sorts by, are there. */
function lensHolds(panel: Extract<KibanaPanel, { type: 'lens' }>, names: string[]): void {
  const { state, references } = panel.embeddableConfig.attributes;
  for (const { name } of references) expect(names).toContain(`${panel.panelIndex}:${name}`);
  for (const [id, { columnOrder, columns }] of Object.entries(state.datasourceStates.formBased.layers)) {
    expect(references.map(({ name }) => name)).toEqual([`indexpattern-datasource-layer-${id}`]);
    expect(Object.keys(columns).sort()).toEqual([...columnOrder].sort());
    const buckets = columnOrder.map((name) => columns[name]?.isBucketed);
    expect(buckets, 'groups come first').toEqual([...buckets].sort((one, other) => Number(other) - Number(one)));
    for (const column of Object.values(columns)) {
      if (column.operationType !== 'terms' || column.params.orderBy.type !== 'column') continue;
      expect(columns[column.params.orderBy.columnId]?.isBucketed).toBe(false);
    }
    const shown = JSON.stringify(state.visualization);
    for (const name of columnOrder) expect(shown, `${panel.title} shows ${name}`).toContain(`"${name}"`);
    for (const [, name = ''] of shown.matchAll(/"((?:group|measure)\d+)"/g)) expect(columnOrder).toContain(name);
  }
}

describe('the rules', () => {
  const rules = detectionRules();

  it.each(rules.map((rule) => [rule.name, rule] as const))('%s has the form', (_, rule) => {
    expect(RULE.safeParse(rule).error?.issues ?? []).toEqual([]);
  });

  it('have an id and a name each', () => {
    expect(new Set(rules.map(({ rule_id }) => rule_id)).size).toBe(rules.length);
    expect(new Set(rules.map(({ name }) => name)).size).toBe(rules.length);
  });

  it('look back over all the time in which Elasticsearch may be refusing, and one run more', () => {
    for (const { of, from, interval } of RULES) {
      if ('esql' in of) continue;
      const minutes = (text: string) => Number(/(\d+)m$/.exec(text)?.[1]);
      expect(minutes(from)).toBeGreaterThanOrEqual(10 + 2 * minutes(interval));
    }
  });
});

/** Field -> type, as the templates of a stream have it on a full cluster. */
function mappedBy(stream: string): Map<string, string> {
  const fields =
    stream === HEARTBEAT.name ? HEARTBEAT.fields : streams.find((one) => one.stream.name === stream)?.fields;
  if (fields === undefined) throw new Error(`there is no stream ${stream}`);
  const { componentTemplates } = templatesFor({ stream: stream as `${string}.${string}`, fields, capability: 'full' });
  const found = new Map<string, string>();
  for (const { body } of componentTemplates) {
    const { mappings } = body.template as { mappings?: Properties };
    if (mappings !== undefined) flatten(mappings, '', found);
  }
  return found;
}

interface Properties {
  properties?: Record<string, Properties & { type?: string }>;
}

function flatten({ properties = {} }: Properties, at: string, found: Map<string, string>): void {
  for (const [name, inner] of Object.entries(properties)) {
    if (inner.type !== undefined && inner.type !== 'object') found.set(at + name, inner.type);
    flatten(inner, `${at}${name}.`, found);
  }
}

const ALL = [...streams.map(({ stream }) => stream.name as string)];
const TYPES = new Map([...ALL, HEARTBEAT.name].map((stream) => [stream, mappedBy(stream)] as const));

/** What the engine and the sinks put on every document, or on later revisions; fixtures show what mappings make. */
const BY_ENGINE = new Set([
  ...['event.end', 'event.duration', 'cylance.detection.status_before'], // of one that was closed: src/engine/change/closing.ts
  ...['event.ingested', 'event.sequence', 'event.hash', 'event.action', 'event.id', 'tags'],
  ...['data_stream.dataset', 'data_stream.namespace', 'data_stream.type'],
]);

/** Every field that the golden documents of a stream fill. */
function filledBy(stream: string): Set<string> {
  const filled = new Set<string>();
  const fill = (value: unknown, at: string): void => {
    if (Array.isArray(value)) for (const item of value) fill(item, at);
    else if (typeof value === 'object' && value !== null)
      for (const [name, inner] of Object.entries(value)) fill(inner, at === '' ? name : `${at}.${name}`);
    else filled.add(at);
  };
  if (stream === HEARTBEAT.name) fill(aHeartbeat(), '');
  else {
    const folder = new URL(`../fixtures/${folderOf(stream as `${string}.${string}`)}/`, import.meta.url);
    for (const file of readdirSync(folder).filter((name) => name.endsWith('.expected.json')))
      fill(JSON.parse(readFileSync(new URL(file, folder), 'utf8')), '');
  }
  return filled;
}

function aHeartbeat(): EcsDocument {
  const statistics = {
    settledMs: 0,
    owed: 0,
    gaps: { count: 0 },
    name: 'acme/cylance.detection/elastic',
    ...NOTHING_COUNTED,
  };
  return heartbeatOf(statistics as unknown as Statistics, NOTHING_COUNTED, {
    ...{ agentId: 'a', version: '1', everyMs: 1000, nowMs: 0, stream: 'cylance.detection', sink: 'elastic' },
    ...{ source: { name: 'acme', tenantId: 't' }, condition: { status: 'failing', why: 'refused' } },
  });
}

const FILLED = new Map([...TYPES.keys()].map((stream) => [stream, filledBy(stream)] as const));

/** Fields, and whether they are grouped, counted or sorted by. */
function fieldsOfPanel(panel: Panel): { name: string; counted: boolean }[] {
  const where = fieldsOf(ofStreams(panel.streams, panel.where));
  const searched = where.map((name) => ({ name, counted: false }));
  const counted = (names: readonly string[]) => names.map((name) => ({ name, counted: true }));
  if (panel.as === 'search')
    return [...searched, ...panel.columns.map((name) => ({ name, counted: false })), ...counted([panel.sort])];
  if (panel.as === 'now') return [...searched, ...counted([panel.thing.id, panel.thing.newest, ...nowFields(panel)])];
  return [...searched, ...counted(countedBy(panel))];
}

function countedBy({ groups, measures }: CountPanel): string[] {
  const grouped = groups.flatMap((group) =>
    'time' in group
      ? [group.time]
      : 'cases' in group
        ? group.cases.flatMap(({ where }) => fieldsOf(where))
        : [group.field],
  );
  const measured = measures.flatMap((one): string[] => {
    if ('count' in one) return one.where === undefined ? [] : fieldsOf(one.where);
    if ('distinct' in one) return [one.distinct];
    if ('average' in one) return [one.average];
    if ('sum' in one) return [one.sum];
    return 'newest' in one ? [one.newest] : [one.last, one.by];
  });
  return [...grouped, ...measured];
}

const COUNTABLE = new Set([
  'keyword',
  'constant_keyword',
  'long',
  'float',
  'date',
  'ip',
  'boolean',
  'wildcard',
  'scaled_float',
  'version',
]);
const KINDS: Record<string, string> = { long: 'number', float: 'number', date: 'date', ip: 'ip', boolean: 'boolean' };

/** In both forms of the pack. */
const SHOWN = [...new Set([...PANELS, ...PANELS.map(onLatest)])];

describe('the fields', () => {
  const streamsOf = (panel: Panel) => (panel.streams.length === 0 ? ALL : panel.streams);

  it.each(SHOWN.map((panel) => [`${panel.title} (${panel.view})`, panel] as const))(
    'of %s are in the templates, and filled',
    (_, panel) => {
      for (const { name, counted } of fieldsOfPanel(panel)) {
        const types = streamsOf(panel).map((stream) => TYPES.get(stream)?.get(name));
        const type = types.find((one) => one !== undefined);
        expect(type, `${name} is in no template`).toBeDefined();
        if (counted) expect(COUNTABLE, `${name} (${type}) cannot be counted`).toContain(type);
        if (!BY_ENGINE.has(name))
          expect(
            streamsOf(panel).some((stream) => FILLED.get(stream)?.has(name)),
            `${name} is filled by nothing`,
          ).toBe(true);
      }
    },
  );

  it('are of the kind that Lens is told', () => {
    const kindOf = (panel: Panel, name: string) => KINDS[TYPES.get(streamsOf(panel)[0] ?? '')?.get(name) ?? ''];
    for (const panel of PANELS) {
      if (panel.as === 'search' || panel.as === 'now') continue;
      for (const group of panel.groups)
        if ('field' in group) expect(group.kind, group.field).toBe(kindOf(panel, group.field));
      for (const one of panel.measures) if ('last' in one) expect(one.kind, one.last).toBe(kindOf(panel, one.last));
    }
  });

  it.each(RULES.map((rule) => [rule.name, rule] as const))(
    'of the rule "%s" are in the templates, and filled',
    (_, rule) => {
      const names = 'esql' in rule.of ? [rule.of.stream] : rule.of.streams;
      for (const name of fieldsOfRule(rule)) {
        expect(
          names.some((stream) => TYPES.get(stream)?.has(name)),
          `${name} is in no template`,
        ).toBe(true);
        if (!BY_ENGINE.has(name))
          expect(
            names.some((stream) => FILLED.get(stream)?.has(name)),
            `${name} is filled by nothing`,
          ).toBe(true);
      }
    },
  );

  it('of the controls are in the templates', () => {
    for (const { controls } of DASHBOARDS)
      for (const { field } of controls)
        expect(
          ALL.some((stream) => TYPES.get(stream)?.has(field)),
          field,
        ).toBe(true);
  });

  it('that the pickers choose by are times of every stream', () => {
    for (const { name, time } of VIEWS) {
      const names = name === 'heartbeats' ? [HEARTBEAT.name] : ALL;
      expect(names.filter((stream) => TYPES.get(stream)?.get(time) !== 'date')).toEqual([]);
    }
  });
});

describe('a condition', () => {
  const CASES: [Condition, string][] = [
    [{ field: 'a.b', is: 'x' }, 'a.b: "x"'],
    [{ field: 'a', is: 'say "\\o/"' }, 'a: "say \\"\\\\o/\\""'],
    [{ field: 'a', is: ['x', 1, true] }, 'a: ("x" or 1 or true)'],
    [{ field: 'a', exists: true }, 'a: *'],
    [{ field: 'a', from: 3 }, 'a >= 3'],
    [
      {
        all: [
          { field: 'a', from: 3, below: 5 },
          { field: 'b', is: 1 },
        ],
      },
      '(a >= 3 and a < 5) and b: 1',
    ],
    [
      {
        any: [
          { field: 'a', is: 1 },
          {
            all: [
              { field: 'b', is: 1 },
              { field: 'c', is: 1 },
            ],
          },
        ],
      },
      'a: 1 or (b: 1 and c: 1)',
    ],
    [
      {
        not: {
          any: [
            { field: 'a', is: 1 },
            { field: 'b', is: 1 },
          ],
        },
      },
      'not (a: 1 or b: 1)',
    ],
  ];

  it.each(CASES)('%o is written as %s', (condition, kql) => {
    expect(toKql(condition)).toBe(kql);
    expect(toQuery(condition)).toBeTypeOf('object');
  });

  it('means the same to a panel of Vega as to the tests', () => {
    const values = [undefined, 1, 3, 4, 5, 'x', true];
    for (const [condition] of CASES)
      for (const a of values)
        for (const b of values) {
          const datum: Record<string, unknown> = { a: a ?? null, b: b ?? null, c: 1, a_b: a ?? null };
          const said = (field: string) => datum[vegaName(field)] ?? undefined;
          expect(evaluate(toVega(condition), datum), `${toVega(condition)} of ${a}, ${b}`).toBe(fits(condition, said));
        }
  });
});

describe('a panel of what is now', () => {
  it('counts over latest-* where there are such indices, and over the revisions else', () => {
    const over = (latest: boolean) =>
      savedObjects(latest).flatMap(({ type, id, attributes }) =>
        type === 'dashboard'
          ? (JSON.parse(attributes.panelsJSON as string) as KibanaPanel[]).map(
              (panel) => `${id} ${panel.panelIndex} ${panel.type}`,
            )
          : [],
      );
    const moved = over(true).filter((panel) => !over(false).includes(panel));
    expect(moved.length).toBeGreaterThan(8);
    expect(moved.every((panel) => panel.endsWith(' lens'))).toBe(true);
    expect(over(true).filter((panel) => panel.endsWith(' visualization'))).toEqual([
      'sluice-dashboard-overview lockdowns-now visualization',
      'sluice-dashboard-responses lockdowns-now visualization',
    ]);
  });

  const panels = PANELS.filter((panel) => panel.as === 'now');
  const bucket = (fields: Record<string, unknown[]> | undefined) => ({
    doc_count: 1,
    last: { hits: { hits: [{ fields }] } },
  });

  it.each(panels.map((panel) => [panel.title, panel] as const))('%s counts in Vega as in its query', (_, panel) => {
    const fields = nowFields(panel);
    const worlds = ['Done', 'Done', 'New', 'device-locked', 'device-unlocked', 'AVAILABLE', true, 'deleted'];
    const buckets = [
      undefined,
      ...worlds.map((value) => Object.fromEntries(fields.map((field) => [field, [value]]))),
    ].map(bucket);
    const rows = rowsOf(panel, { hits: { total: { value: 9 }, hits: [] }, aggregations: { records: { buckets } } });
    const ours = rows.map(({ labels, values }) => [labels[0], values[0]]).sort();
    const theirs = transformed(buckets, transformOf(panel))
      .map(({ state, records }) => [state, records])
      .sort();
    expect(theirs).toEqual(ours);
    expect(ours.length).toBeGreaterThan(0);
  });
});
