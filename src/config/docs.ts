/** The schema as text: `--help`, docs/config.md, and a JSON Schema for editors. */
import { z } from 'zod';
import type { Connector } from '../api/connector.ts';
import { configSchemaOf } from './schema.ts';

type Connectors = readonly Pick<Connector, 'config'>[];

interface Node {
  type?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  const?: unknown;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  writeOnly?: boolean;
  properties?: Record<string, Node>;
  required?: string[];
  items?: Node;
  oneOf?: Node[];
  anyOf?: Node[];
  /** Of a mapping whose keys are names. */
  additionalProperties?: Node | boolean;
  [other: string]: unknown;
}

interface Row {
  key: string;
  type: string;
  default: string;
  description: string;
}

/** The JSON Schema of the file (draft 2020-12). Where a number or choice is expected, `${NAME}` may stand as well. */
export function configJsonSchema(connectors: Connectors): Record<string, unknown> {
  return editable(plainSchema(connectors)) as Record<string, unknown>;
}

function plainSchema(connectors: Connectors): Node {
  return z.toJSONSchema(configSchemaOf(connectors), { io: 'input' }) as Node;
}

const reference = { type: 'string', pattern: '\\$\\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\\}' };

function editable(node: Node): Node {
  const copy: Node = { ...node };
  if (node.properties)
    copy.properties = Object.fromEntries(Object.entries(node.properties).map(([key, each]) => [key, editable(each)]));
  if (node.items) copy.items = editable(node.items);
  if (node.oneOf) copy.oneOf = node.oneOf.map(editable);
  if (namedIn(node)) copy.additionalProperties = editable(namedIn(node) as Node);
  const isChoice = node.enum !== undefined || node.pattern !== undefined;
  if (!isChoice && node.type !== 'integer' && node.type !== 'number' && node.type !== 'boolean') return copy;
  const { description, default: fallback, ...rest } = copy;
  return { description, ...(fallback === undefined ? {} : { default: fallback }), anyOf: [rest, reference] };
}

function rows(node: Node, prefix: string, required: boolean): Row[] {
  if (node.oneOf) {
    const [first = {}] = node.oneOf;
    const shared = sharedKeys(node.oneOf);
    const isShared = (key: string) => shared.includes(key);
    const own = node.oneOf.flatMap((each) => {
      const type = Object.values(each.properties ?? {}).find((value) => value.const !== undefined);
      const name = type ? prefix.replace(/\[\]$/, `[${String(type.const)}]`) : prefix;
      const ofType = only(each, (key) => !isShared(key));
      return rows(ofType, name, required);
    });
    return [...own, ...rows(only(first, isShared), prefix, required)];
  }
  if (node.properties)
    return Object.entries(node.properties).flatMap(([key, each]) =>
      rows(each, prefix ? `${prefix}.${key}` : key, node.required?.includes(key) ?? false),
    );
  const row = {
    key: prefix,
    type: typeOf(node),
    default: fallbackOf(node, required),
    description: node.description ?? '',
  };
  if (node.items && (node.items.properties || node.items.oneOf)) return [row, ...rows(node.items, `${prefix}[]`, true)];
  const named = namedIn(node);
  return named?.properties ? [row, ...rows(named, `${prefix}.<name>`, true)] : [row];
}

/** What stands behind each key of a mapping whose keys are names. */
function namedIn({ additionalProperties }: Node): Node | undefined {
  return typeof additionalProperties === 'object' ? additionalProperties : undefined;
}

/** The keys that are the same for every type: shown once. */
function sharedKeys(types: readonly Node[]): string[] {
  const [first = {}, ...others] = types;
  const isSame = (key: string, type: Node) =>
    JSON.stringify([type.properties?.[key], type.required?.includes(key)]) ===
    JSON.stringify([first.properties?.[key], first.required?.includes(key)]);
  return Object.keys(first.properties ?? {}).filter((key) => others.every((type) => isSame(key, type)));
}

function only(node: Node, isWanted: (key: string) => boolean): Node {
  return {
    ...node,
    properties: Object.fromEntries(Object.entries(node.properties ?? {}).filter(([key]) => isWanted(key))),
  };
}

function typeOf(node: Node): string {
  if (node.const !== undefined) return `\`${String(node.const)}\``;
  if (node.enum) return node.enum.map((each) => `\`${String(each)}\``).join(' ');
  if (node.type === 'array')
    return node.items?.properties || node.items?.oneOf ? 'list' : `list of ${typeOf(node.items ?? {})}`;
  if (node.anyOf) return node.anyOf.map(typeOf).join(' or ');
  if (node.writeOnly) return 'secret';
  if (node.pattern?.includes('(ms|s|m')) return 'duration';
  if (node.pattern?.includes('KiB')) return 'size';
  if (node.type === 'boolean') return '`true` `false`';
  if (node.type === 'integer') return 'whole number';
  if (node.type === 'number') return 'number';
  return namedIn(node) ? 'mapping' : 'text';
}

function fallbackOf(node: Node, required: boolean): string {
  if (node.default !== undefined) return `\`${compact(node.default)}\``;
  return required ? '*required*' : '';
}

function compact(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(compact).join(', ')}]`;
  if (value !== null && typeof value === 'object')
    return `{ ${Object.entries(value)
      .map(([key, each]) => `${key}: ${compact(each)}`)
      .join(', ')} }`;
  return String(value);
}

/** docs/config.md. */
export function configMarkdown(connectors: Connectors): string {
  const schema = plainSchema(connectors);
  const cell = (text: string) => text.replaceAll('|', '\\|');
  const tables = Object.entries(schema.properties ?? {}).map(([section, node]) => {
    const lines = rows(node, section, schema.required?.includes(section) ?? false).map(
      (row) => `| \`${row.key}\` | ${cell(row.type)} | ${cell(row.default)} | ${cell(row.description)} |`,
    );
    return [`## ${section}`, '', '| key | type | default | meaning, and why |', '|---|---|---|---|', ...lines].join(
      '\n',
    );
  });
  return `${[
    '<!-- Made by `npm run docs` from src/config/schema.ts. Do not edit. -->',
    '# Configuration',
    introduction,
    ['```yaml', exampleConfig().trimEnd(), '```'].join('\n'),
    ...tables,
    bounds,
  ].join('\n\n')}\n`;
}

/** Bounds that cannot be set: no real tenant reaches them. */
const bounds = `## Bounds that are fixed

Reaching one fails that request, with what to do; everything beside it goes on.

| what | bound |
|---|---|
| a reply that is parsed whole; an item of a reply that is read part by part, and what stands beside its array | \`http.max_body\`, after decompression |
| nesting in a reply that is read part by part | 100,000 |
| the text of a refusal; the headers of any reply | 64 KiB; 16 KiB |
| the time of a reply; of one that is read part by part | \`http.timeout\`; the same for each MiB |
| replies of all sources that are held at once, with what is parsed from them | a fifth of the heap (\`--max-old-space-size\`) or of the container's memory, 128 MiB at most, and another fifth for those that are read part by part: further ones wait |
| requests of all sources at once | what open files (\`ulimit -n\`) leave room for, at least one of each source |
| a list without a time filter; parents of one stream | 1,000,000 records; 250,000, and 64 MiB of what is kept of them |
| a task of Apex Central | 2,000 parts, 200,000 entries, 16 MiB, \`reading.task_deadline\` |
| a reply of Elasticsearch | 4 MiB, \`timeout\` of the sink; a bulk request whose reply is longer is halved |
| a frame of Kafka | 16 MiB |
| records that wait for their detail; details under way | 10,000 a pipeline; 500 a walk, fewer with less memory |`;

const introduction = `One YAML file, \`sluice.yaml\` by default (\`--config FILE\` or \`SLUICE_CONFIG\`). Everything wrong with it is reported at once, with line and column.

- **Durations** carry a unit: \`500ms\`, \`60s\`, \`15m\`, \`24h\`, \`30d\`. **Sizes** too: \`512KiB\`, \`64MiB\`, \`1GiB\`.
- **\`\${NAME}\`** is taken from the environment, \`\${NAME:-default}\` has a default, \`$\${\` stands for the characters \`\${\`. A variable that is set but empty counts as a key left out.
- **Secrets** are best references: \`\${NAME}\`, or \`file:/run/secrets/name\`, which is read again when the other side refuses it, so that rotation needs no restart. A secret in the file itself works, with a warning, and so do credentials over \`http://\` (or Kafka's login without TLS) to another machine.
- **Paths** that are relative start at the folder of the config file, so that it does not matter where Sluice is started.
- YAML anchors, aliases and \`<<\` merge keys work, for settings that several sources share.
- **Editors** check the file while you type with the schema beside it (\`sluice config schema > sluice.schema.json\`) and the first line \`# yaml-language-server: $schema=./sluice.schema.json\`.`;

/** For `--help`: every key with its type and default. */
export function configHelp(connectors: Connectors): string {
  const all = rows(plainSchema(connectors), '', true);
  const width = Math.max(...all.map(({ key }) => key.length));
  const lines = all.map((row) => {
    const type = row.type.replaceAll('`', '').replaceAll(' ', row.type.includes('` `') ? ' | ' : ' ');
    const note =
      row.default === '*required*' ? '(required)' : row.default ? `(${row.default.replaceAll('`', '')})` : '';
    return `  ${row.key.padEnd(width)}  ${type} ${note}`.trimEnd();
  });
  return ['Keys of the config file (default in parentheses; reasons in docs/config.md):', ...lines, ''].join('\n');
}

/** A config to start from. */
export function exampleConfig(): string {
  return `# Everything else has a default: docs/config.md lists them, each with its reason.
sources:
  - name: acme
    connector: cylance
    region: na
    tenant_id: \${CYLANCE_TENANT_ID}
    application_id: \${CYLANCE_APPLICATION_ID}
    application_secret: \${CYLANCE_APPLICATION_SECRET}

sinks:
  - name: files
    type: ndjson
    path: ./sluice-out

  # - name: elastic
  #   type: elasticsearch
  #   nodes: [https://localhost:9200]
  #   api_key: file:/run/secrets/elastic
`;
}
