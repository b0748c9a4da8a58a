import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { streams } from '../../connectors/index.ts';
import { pages, stalePages } from '../../scripts/generate-docs.ts';
import { configHelp, configJsonSchema, configMarkdown, exampleConfig } from '../../src/config/load.ts';

const connectors = [...new Set(streams.map(({ connector }) => connector))];

type Node = Record<string, unknown>;

/** Every key of the JSON Schema with its node. */
function leaves(node: Node, path = ''): [string, Node][] {
  const below = [
    ...Object.entries((node.properties as Record<string, Node>) ?? {}).map(
      ([key, each]) => [`${path}.${key}`, each] as const,
    ),
    ...((node.oneOf as Node[]) ?? []).map((each) => [path, each] as const),
    ...(node.items ? [[`${path}[]`, node.items as Node] as const] : []),
  ];
  return [
    ...(path && !node.properties && !node.oneOf ? [[path, node] as [string, Node]] : []),
    ...below.flatMap(([key, each]) => leaves(each, key)),
  ];
}

it('the pages in docs are what the code says', () => {
  expect(Object.keys(pages)).toEqual(expect.arrayContaining(['docs/config.md', 'docs/config.schema.json']));
  expect(stalePages()).toEqual([]);
});

it('every key is described, and every default has its reason', () => {
  const all = leaves(configJsonSchema(connectors)).filter(([path]) => !/\[\]$/.test(path));
  expect(all.length).toBeGreaterThan(50);
  for (const [path, node] of all) {
    expect(node.description, path).toMatch(/^\S.+\.$/s);
    if (node.default !== undefined) expect(node.description, path).toContain('Default: ');
  }
});

it('the JSON Schema accepts the example and references, and refuses what is wrong', () => {
  const schema = z.fromJSONSchema(configJsonSchema(connectors) as Parameters<typeof z.fromJSONSchema>[0]);
  const example = () => parse(exampleConfig()) as { sources: Node[]; sinks: Node[]; health?: Node };
  expect(schema.safeParse(example()).error).toBeUndefined();
  expect(schema.safeParse({ ...example(), health: { port: `\${PORT:-8080}` } }).success).toBe(true);
  expect(schema.safeParse({ ...example(), health: { port: 'x' } }).success).toBe(false);
  expect(schema.safeParse({ ...example(), healht: {} }).success).toBe(false);
  const source = (change: Node) =>
    schema.safeParse({ ...example(), sources: [{ ...example().sources[0], ...change }] }).success;
  expect(source({ region: 'euc1', reading: { poll: '5m' } })).toBe(true);
  expect(source({ region: 'eu' })).toBe(false);
  expect(source({ reading: { poll: 60 } })).toBe(false);
  expect(source({ name: 'A-b' })).toBe(false);
});

it('help and page name every key', () => {
  const help = configHelp(connectors);
  for (const key of [
    'sources[cylance].application_secret',
    'sources[apex_central].api_key',
    'sinks[elasticsearch].max_bulk',
    'batch.wait',
    'sources[].reading.sweeps',
  ]) {
    expect(help).toContain(`  ${key} `);
    expect(configMarkdown(connectors)).toContain(`| \`${key}\` |`);
  }
  for (const line of help.split('\n')) expect(line.length).toBeLessThan(140);
});
