import { EcsFlat } from '@elastic/ecs';
import { describe, expect, it } from 'vitest';
import { fields } from '../../mappings/cylance/detection.ts';
import {
  CORE_SUBSTITUTES,
  type NamedBody,
  TEMPLATE_VERSION,
  type Templates,
  templatesFor,
} from '../../src/sinks/elasticsearch/templates.ts';

const stream = 'cylance.detection' as const;
const full = templatesFor({ stream, fields, capability: 'full' });
const core = templatesFor({ stream, fields, capability: 'core' });

function mappings(templates: Templates): Record<string, unknown> {
  const component = templates.componentTemplates.find(({ name }) => name.endsWith('@mappings'));
  return ((component as NamedBody).body.template as { mappings: Record<string, unknown> }).mappings;
}

/** Every field with its definition, multi-fields included, by full name. */
function flatten(properties: Record<string, unknown>, path = ''): Map<string, Record<string, unknown>> {
  const found = new Map<string, Record<string, unknown>>();
  for (const [name, content] of Object.entries(properties)) {
    const at = path === '' ? name : `${path}.${name}`;
    const {
      properties: below,
      fields: multi,
      ...own
    } = content as { properties?: Record<string, unknown>; fields?: Record<string, unknown> };
    if (below === undefined) found.set(at, own);
    for (const [key, value] of flatten(below ?? multi ?? {}, at)) found.set(key, value);
  }
  return found;
}

const fullFields = flatten(mappings(full).properties as Record<string, unknown>);
const coreFields = flatten(mappings(core).properties as Record<string, unknown>);

describe('index templates', () => {
  it('apply to the stream, above what a cluster comes with, and leave room for the operator', () => {
    const [template] = full.indexTemplates;
    expect(template?.name).toBe('logs-cylance.detection');
    expect(template?.body).toMatchObject({
      index_patterns: ['logs-cylance.detection-*'],
      data_stream: {},
      composed_of: [
        'sluice-cylance.detection@settings',
        'sluice-cylance.detection@mappings',
        'logs-cylance.detection@custom',
      ],
      ignore_missing_component_templates: ['logs-cylance.detection@custom'],
      _meta: { managed_by: 'sluice', version: TEMPLATE_VERSION },
    });
    expect(template?.body.priority).toBeGreaterThan(100);
    expect(template?.body.template, 'would override the @custom component').toBeUndefined();
  });

  it('tell the items of a list apart where the mapping says so, and nowhere else', () => {
    const custom = { 'test.one.items.type': 'keyword', 'test.one.other.type': 'keyword' };
    const declared = { prefix: 'test.one', ecs: [], custom, nested: ['test.one.items'] };
    const made = mappings(templatesFor({ stream: 'test.one', fields: declared, capability: 'full' })) as {
      properties: { test: { properties: { one: { properties: Record<string, unknown> } } } };
    };
    const type = { type: { type: 'keyword', ignore_above: 1024 } };
    expect(made.properties.test.properties.one.properties).toEqual({
      items: { type: 'nested', properties: type },
      other: { properties: type },
    });
  });

  it('may be limited to some namespaces', () => {
    const { indexTemplates } = templatesFor({ stream, fields, capability: 'full', namespaces: ['emea', 'apac'] });
    expect(indexTemplates[0]?.body.index_patterns).toEqual([
      'logs-cylance.detection-emea',
      'logs-cylance.detection-apac',
    ]);
  });

  it('never guess a date, and keep unheard-of strings', () => {
    expect(mappings(full)).toMatchObject({
      date_detection: false,
      numeric_detection: false,
      dynamic_templates: [
        { strings: { match_mapping_type: 'string', mapping: { type: 'keyword', ignore_above: 1024 } } },
      ],
    });
  });

  it('map every declared field with the type of the dictionary, and what the engine sets', () => {
    for (const name of [
      ...fields.ecs,
      'event.hash',
      'event.sequence',
      'event.ingested',
      'data_stream.namespace',
    ] as const) {
      expect(fullFields.get(name)?.type, name).toBe(EcsFlat[name as keyof typeof EcsFlat].type);
    }
    for (const [name, type] of Object.entries(fields.custom)) expect(fullFields.get(name)?.type, name).toBe(type);
  });

  it('map nothing else', () => {
    const declared = new Set<string>([...fields.ecs, ...Object.keys(fields.custom)]);
    const others = [...fullFields.keys()].filter((name) => !declared.has(name) && !name.endsWith('.text'));
    expect(others.sort()).toEqual(
      [
        'data_stream.dataset',
        'data_stream.namespace',
        'data_stream.type',
        'error.message',
        'error.type',
        'event.action',
        'event.hash',
        'event.ingested',
        'event.sequence',
        'host.os.kernel', // the inventory may add to a document's host
      ].sort(),
    );
  });

  it('bound every term, and do not index the original', () => {
    for (const [name, { type, ignore_above, index }] of fullFields) {
      if (type === 'keyword' || type === 'flattened')
        expect(ignore_above !== undefined || index === false, name).toBe(true);
    }
    expect(fullFields.get('event.original')).toEqual({ type: 'keyword', index: false, doc_values: false });
  });

  it('are the same for a core, but for the types that it lacks', () => {
    expect([...coreFields.keys()]).toEqual([...fullFields.keys()]);
    let differing = 0;
    for (const [name, definition] of fullFields) {
      const substitute = CORE_SUBSTITUTES[definition.type as string];
      expect(coreFields.get(name), name).toEqual(substitute ?? definition);
      if (substitute !== undefined) differing++;
    }
    expect(differing).toBeGreaterThan(5);
    expect({ ...mappings(core), properties: 0 }).toEqual({ ...mappings(full), properties: 0 });
    const bare = (templates: Templates) =>
      JSON.parse(JSON.stringify(templates.indexTemplates).replaceAll(/"capability":"\w+"/g, '' + '"capability":""'));
    expect(bare(core)).toEqual(bare(full));
  });

  it('refuse a field that is no field of the dictionary', () => {
    expect(() => templatesFor({ stream, fields: { ...fields, ecs: ['host.nonsense'] }, capability: 'full' })).toThrow(
      /host\.nonsense/,
    );
  });
});
