/** `docs/kafka-document.schema.json`: the value of a record as JSON Schema, from the fields that the mappings declare. */
import { EcsFlat, EcsVersion } from '@elastic/ecs';
import { streams } from '../connectors/index.ts';

interface Node {
  type?: string | string[];
  description?: string;
  format?: string;
  properties?: Record<string, Node>;
  required?: string[];
  items?: Node;
  anyOf?: Node[];
  [other: string]: unknown;
}

/** What the engine sets, whatever the stream. */
const ENGINE: Record<string, Node> = {
  '@timestamp': { type: 'string', format: 'date-time' },
  'data_stream.type': { type: 'string' },
  'data_stream.dataset': { type: 'string', description: 'The stream; also the header `dataset`.' },
  'data_stream.namespace': { type: 'string', description: 'The source.' },
  'event.id': { type: 'string', description: 'What identifies the record for good; by default also the key.' },
  'event.hash': { type: 'string', description: 'The revision; also the header `revision`.' },
  'event.sequence': { type: 'integer', description: '1 for the first revision of a record.' },
  'event.ingested': { type: 'string', format: 'date-time', description: 'When it was sent.' },
  'event.action': { type: 'string', description: 'What has changed, from the second revision on.' },
  'event.kind': { type: 'string' },
  'event.original': { type: 'string' },
  'error.message': { type: 'string' },
  tags: { type: 'array', items: { type: 'string' } },
};

const REQUIRED: Record<string, string[]> = {
  '': ['@timestamp', 'data_stream', 'event'],
  data_stream: ['type', 'dataset', 'namespace'],
  event: ['id', 'hash', 'sequence', 'ingested', 'kind', 'dataset'],
};

export function kafkaDocumentSchema(): Record<string, unknown> {
  const root: Node = { type: 'object', properties: {} };
  const fields = new Map(Object.entries(ENGINE));
  for (const { fields: declared } of streams) {
    for (const name of declared.ecs) if (!fields.has(name)) fields.set(name, ecsNode(name));
    for (const [name, type] of Object.entries(declared.custom)) fields.set(name, oneOrMany(nodeOf(type)));
  }
  for (const name of [...fields.keys()].sort()) place(root, name, fields.get(name) as Node);
  for (const [path, required] of Object.entries(REQUIRED)) (at(root, path) as Node).required = required;
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'A document of Sluice',
    description: `The value of a Kafka record: ECS ${EcsVersion}, as nested objects. Members that are not listed may come at any time.`,
    ...root,
  };
}

interface EcsDefinition {
  type: string;
  normalize?: readonly string[];
}
const dictionary = EcsFlat as unknown as Readonly<Record<string, EcsDefinition | undefined>>;

function ecsNode(name: string): Node {
  const { type, normalize } = dictionary[name] as EcsDefinition;
  const node = nodeOf(type);
  return normalize?.includes('array') ? { type: 'array', items: node } : node;
}

/** Elasticsearch makes no difference between a value and a list of values. */
function oneOrMany(node: Node): Node {
  return Object.keys(node).length === 0 ? node : { anyOf: [node, { type: 'array', items: node }] };
}

function nodeOf(type: string): Node {
  if (type === 'long' || type === 'integer') return { type: 'integer' };
  if (type === 'float' || type === 'double' || type === 'scaled_float') return { type: 'number' };
  if (type === 'boolean') return { type: 'boolean' };
  if (type === 'date') return { type: 'string', format: 'date-time' };
  if (type === 'object' || type === 'nested' || type === 'flattened' || type === 'geo_point') return {};
  return { type: 'string' };
}

function at(root: Node, path: string): Node | undefined {
  return path === '' ? root : path.split('.').reduce<Node | undefined>((node, step) => node?.properties?.[step], root);
}

/** An object, or below a stream's own prefix a list of them: Elasticsearch makes no difference there either. */
function place(root: Node, name: string, leaf: Node): void {
  const steps = name.split('.');
  const last = steps.pop() as string;
  const own = !(name in ENGINE) && dictionary[name] === undefined;
  let node = root;
  for (const [depth, step] of steps.entries()) {
    const properties: Record<string, Node> = node.properties ?? {};
    node.properties = properties;
    const next: Node = properties[step] ?? { type: own && depth >= OWN_PREFIX ? ['object', 'array'] : 'object' };
    properties[step] = next;
    node = next;
  }
  node.properties = { ...node.properties, [last]: { ...leaf, ...node.properties?.[last] } };
}

/** `cylance.detection` */
const OWN_PREFIX = 2;
