/**
 * Index templates of a stream, made from the fields that its mapping declares and from the ECS dictionary.
 *
 * Only the needed fields are mapped. What the vendor adds later is still stored: strings as keyword, never as a date
 * guessed from a text. Operators add to it in the `@custom` component, which need not exist and comes last, so that it
 * may override everything.
 */
import { EcsFlat, EcsVersion } from '@elastic/ecs';
import type { StreamName } from '../../api/document.ts';
import { HOST_FIELDS } from '../../api/records/host-facts.ts';
import type { DeclaredFields } from '../../api/stream.ts';
import { type Expiry, lifecycleInTemplate } from './lifecycle.ts';

export interface TemplateRequest {
  stream: StreamName;
  fields: DeclaredFields;
  /** The data streams' namespaces; all, where none are named. */
  namespaces?: readonly string[];
  /** `core`: a cluster without the field types of the default distribution. */
  capability: 'full' | 'core';
  /** When documents expire; never, where it is left out. */
  lifecycle?: Expiry;
}

export interface NamedBody {
  name: string;
  body: Record<string, unknown>;
}

export interface Templates {
  componentTemplates: NamedBody[];
  indexTemplates: NamedBody[];
}

/** Raised whenever the templates change for the same fields. */
export const TEMPLATE_VERSION = 4;

/** Above the built-in `logs-*-*` (100) and what Kibana's integrations install (200). */
export const PRIORITY = 250;
/** The mapping's fields, with room for those that a vendor adds. Fields beyond are stored but not indexed, never refused. */
const TOTAL_FIELDS = 2000;
const IGNORE_ABOVE = 1024;
/** A keyword term has at most 32,766 bytes; a character up to 4. */
const LONG_KEYWORD = 8191;

/** Fields that the engine and the sinks set on every document. */
const ENGINE_FIELDS = [
  '@timestamp',
  'data_stream.type',
  'data_stream.dataset',
  'data_stream.namespace',
  'ecs.version',
  'error.message',
  'error.type',
  'event.action',
  'event.category',
  'event.created',
  'event.dataset',
  'event.hash',
  'event.id',
  'event.ingested',
  'event.kind',
  'event.module',
  'event.original',
  'event.sequence',
  'event.type',
  'message',
  'organization.id',
  'tags',
] as const;

type Definition = Record<string, unknown> & { type: string };

/** The one place where a bare core differs from the default distribution. */
export const CORE_SUBSTITUTES: Readonly<Record<string, Definition>> = {
  wildcard: { type: 'keyword', ignore_above: LONG_KEYWORD },
  match_only_text: { type: 'text', norms: false },
  constant_keyword: { type: 'keyword' },
  scaled_float: { type: 'float' },
  version: { type: 'keyword' },
  unsigned_long: { type: 'keyword' },
};

interface EcsDefinition {
  type: string;
  ignore_above?: number;
  index?: boolean;
  doc_values?: boolean;
  scaling_factor?: number;
  multi_fields?: readonly { name: string; type: string }[];
}
const dictionary = EcsFlat as unknown as Readonly<Record<string, EcsDefinition | undefined>>;

export function templatesFor(request: TemplateRequest): Templates {
  const { stream, fields, namespaces, capability } = request;
  const { index, ...lifecycle } = lifecycleInTemplate(request.lifecycle);
  const meta = { managed_by: 'sluice', version: TEMPLATE_VERSION, ecs_version: EcsVersion, capability };
  const custom = `logs-${stream}@custom`;
  const names = { settings: `sluice-${stream}@settings`, mappings: `sluice-${stream}@mappings` };
  const patterns =
    namespaces === undefined || namespaces.length === 0
      ? [`logs-${stream}-*`]
      : namespaces.map((namespace) => `logs-${stream}-${namespace}`);
  return {
    componentTemplates: [
      {
        name: names.settings,
        body: {
          template: { settings: { index: { ...SETTINGS, ...index } }, ...lifecycle },
          version: TEMPLATE_VERSION,
          _meta: meta,
        },
      },
      {
        name: names.mappings,
        body: { template: { mappings: mappingsFor(fields, capability) }, version: TEMPLATE_VERSION, _meta: meta },
      },
    ],
    indexTemplates: [
      {
        name: `logs-${stream}`,
        body: {
          index_patterns: patterns,
          data_stream: {},
          priority: PRIORITY,
          composed_of: [names.settings, names.mappings, custom],
          ignore_missing_component_templates: [custom],
          version: TEMPLATE_VERSION,
          _meta: { ...meta, description: `Sluice: ${stream}` },
        },
      },
    ],
  };
}

/** Of every index that has these mappings. */
export const SETTINGS = {
  codec: 'best_compression',
  mapping: { total_fields: { limit: TOTAL_FIELDS, ignore_dynamic_beyond_limit: true } },
};

function mappingsFor(fields: DeclaredFields, capability: 'full' | 'core'): Record<string, unknown> {
  const properties: Record<string, unknown> = {};
  const added = fields.ecs.includes('host.id') ? HOST_FIELDS : [];
  const names = new Set([...ENGINE_FIELDS, ...added, ...fields.ecs, ...Object.keys(fields.custom)]);
  for (const name of [...names].sort()) {
    const type = fields.custom[name];
    place(properties, name, type === undefined ? ecsDefinition(name, capability) : definition({ type }, capability));
  }
  for (const name of fields.nested ?? []) nest(properties, name);
  return {
    date_detection: false,
    numeric_detection: false,
    dynamic_templates: [
      { strings: { match_mapping_type: 'string', mapping: { type: 'keyword', ignore_above: IGNORE_ABOVE } } },
    ],
    properties,
  };
}

/** Nested `properties`, as Elasticsearch wants them. */
function place(properties: Record<string, unknown>, name: string, mapped: Definition): void {
  const steps = name.split('.');
  const last = steps.pop() as string;
  let at = properties;
  for (const step of steps) {
    const existing = at[step] as { properties?: Record<string, unknown>; type?: string } | undefined;
    if (existing?.type !== undefined) throw new Error(`${name} lies below the field ${step}, which is no object`);
    const object = existing ?? { properties: {} };
    at[step] = object;
    at = object.properties as Record<string, unknown>;
  }
  at[last] = mapped;
}

/** Makes an object one whose items are told apart, by searches that ask for items: decision 0073. */
function nest(properties: Record<string, unknown>, name: string): void {
  const steps = name.split('.');
  const last = steps.pop() as string;
  let at = properties;
  for (const step of steps) at = (at[step] as { properties: Record<string, unknown> }).properties;
  at[last] = { type: 'nested', ...(at[last] as object) };
}

function ecsDefinition(name: string, capability: 'full' | 'core'): Definition {
  const known = dictionary[name];
  if (known === undefined) throw new Error(`${name} is declared as an ECS field, but the dictionary does not have it`);
  const { type, ignore_above, index, doc_values, scaling_factor, multi_fields } = known;
  const result: Definition = { type };
  if (ignore_above !== undefined) result.ignore_above = ignore_above;
  if (index !== undefined) result.index = index;
  if (doc_values !== undefined) result.doc_values = doc_values;
  if (scaling_factor !== undefined) result.scaling_factor = scaling_factor;
  const mapped = definition(result, capability);
  if (multi_fields !== undefined) {
    mapped.fields = Object.fromEntries(
      multi_fields.map((field) => [field.name, definition({ type: field.type }, capability)]),
    );
  }
  return mapped;
}

/** Values of these types may be too long for a term: those are left out of the index, and the document is not refused. */
const BOUNDED = new Set(['keyword', 'flattened']);

function definition(mapped: Definition, capability: 'full' | 'core'): Definition {
  const substitute = capability === 'core' ? CORE_SUBSTITUTES[mapped.type] : undefined;
  if (substitute !== undefined) return { ...substitute };
  if (BOUNDED.has(mapped.type) && mapped.ignore_above === undefined && mapped.index !== false) {
    return { ...mapped, ignore_above: IGNORE_ABOVE };
  }
  return mapped;
}
