/** Which index template wins for each data stream, and whether it is the one of this Sluice: a part of `sluice check`. */
import pLimit from 'p-limit';
import { z } from 'zod';
import type { CheckLine } from '../../api/sink.ts';
import { saidBy } from './answers.ts';
import { inPortions } from './bulk.ts';
import { type ConnectionSettings, connectElasticsearch, type EsClient, type Reply } from './client.ts';
import type { Expiry } from './lifecycle.ts';
import { stamped, templateList } from './setup.ts';
import { PRIORITY, TEMPLATE_VERSION, type TemplateRequest, templatesFor } from './templates.ts';

/** A stream, and the fields that its templates are made from. */
export type CheckedStream = Pick<TemplateRequest, 'stream' | 'fields'>;

/** Another tool may write anything there: then the template is not ours. */
const META = z
  .object({
    managed_by: z.string().optional(),
    version: z.number().optional(),
    digest: z.string().optional(),
    capability: z.enum(['full', 'core']).optional(),
  })
  .catch({});
type Meta = z.infer<typeof META>;

const LISTED = z.object({
  index_templates: z
    .array(
      z.object({
        name: z.string(),
        index_template: z
          .object({
            index_patterns: z.array(z.string()).default([]),
            priority: z.number().default(0),
            _meta: META.default({}),
          })
          .default({ index_patterns: [], priority: 0, _meta: {} }),
      }),
    )
    .default([]),
});
const SIMULATED = z.object({ overlapping: z.array(z.object({ name: z.string() })).default([]) });
const IN_USE = z.object({
  data_streams: z.array(z.object({ name: z.string(), template: z.string() })).default([]),
});
const COMPONENTS = z.object({
  component_templates: z
    .array(
      z.object({ name: z.string(), component_template: z.object({ _meta: META.default({}) }).default({ _meta: {} }) }),
    )
    .default([]),
});

interface Installed {
  name: string;
  patterns: string[];
  priority: number;
  meta: Meta;
}

interface Found {
  dataStream: string;
  winner: Installed | undefined;
  hasOwn: boolean;
}

/** Simulations at a time. */
const SIMULATIONS = 8;
const WHAT = 'Index templates';
const SETUP = 'Run `sluice setup elasticsearch` once, with an account that may manage index templates.';

/** One line when all is well, else one for each kind of trouble. `streams` tells what this version would install. */
export async function checkTemplates(
  client: EsClient,
  dataStreams: readonly string[],
  streams: readonly CheckedStream[],
  lifecycle: Expiry | undefined,
  signal: AbortSignal,
): Promise<CheckLine[]> {
  const found = await findTemplates(client, dataStreams, streams, lifecycle, signal);
  if (!('unseen' in found)) return found;
  const { unseen } = found;
  const ok = unseen.kind === 'answer' && unseen.status === 403;
  const advice = 'If they were never installed: `sluice setup elasticsearch`.';
  const used = ok ? await foreignInUse(client, dataStreams, signal) : [];
  return [{ what: WHAT, ok, detail: `cannot be seen (${saidBy(unseen)})`, advice }, ...used];
}

/** The same, and where templates cannot be seen the reply that says why. */
export async function findTemplates(
  client: EsClient,
  dataStreams: readonly string[],
  streams: readonly CheckedStream[],
  lifecycle: Expiry | undefined,
  signal: AbortSignal,
): Promise<CheckLine[] | { unseen: Reply }> {
  const query = { filter_path: FIELDS };
  const listed = await client.call({ method: 'GET', path: '/_index_template', query, shape: LISTED, signal });
  if (listed.kind === 'silence' || listed.status !== 200) return { unseen: listed };
  const installed = installedIn(listed.body);
  if (dataStreams.length === 0) {
    const own = installed.filter(isOwn).length;
    if (own === 0) return [{ what: WHAT, ok: false, detail: 'none of Sluice is installed', advice: SETUP }];
    return [{ what: WHAT, ok: true, detail: `${own} installed` }];
  }
  const limit = pLimit(SIMULATIONS);
  const asked = await limit.map(dataStreams, async (dataStream) => {
    const path = `/_index_template/_simulate_index/${encodeURIComponent(dataStream)}`;
    const query = { filter_path: 'error,overlapping' };
    const reply = await client.call({ method: 'POST', path, query, shape: SIMULATED, signal });
    return { dataStream, reply };
  });
  const found: Found[] = [];
  for (const { dataStream, reply } of asked) {
    if (reply.kind === 'silence' || reply.status !== 200) return { unseen: reply };
    const { overlapping } = reply.body;
    const fitting = installed.filter(({ patterns }) => patterns.some((pattern) => matches(pattern, dataStream)));
    const winner = fitting.find(({ name }) => !overlapping.some((beaten) => beaten.name === name));
    found.push({ dataStream, winner, hasOwn: fitting.some(isOwn) });
  }
  const components = await componentsOf(client, signal);
  const trouble = [...missing(found), ...overruled(found), ...outdated(found, components, streams, lifecycle)];
  if (trouble.length > 0) return trouble;
  return [{ what: WHAT, ok: true, detail: `those of Sluice win for all ${dataStreams.length} data streams` }];
}

/** As `check` says it: trouble of one kind, or that there is none. With a connection of its own. */
export async function templatesPrepared(
  settings: ConnectionSettings & {
    dataStreams?: readonly string[];
    streams?: readonly CheckedStream[];
    lifecycle?: Expiry;
  },
  signal: AbortSignal,
): Promise<CheckLine | undefined> {
  const { dataStreams = [], streams = [], lifecycle } = settings;
  const client = connectElasticsearch(settings);
  try {
    const found = await findTemplates(client, dataStreams, streams, lifecycle, signal);
    return 'unseen' in found ? undefined : found[0];
  } finally {
    await client.close();
  }
}

/** For a key without rights on templates, which may still see the template of each data stream that exists. */
async function foreignInUse(
  client: EsClient,
  dataStreams: readonly string[],
  signal: AbortSignal,
): Promise<CheckLine[]> {
  const lines: CheckLine[] = [];
  for (const names of inPortions(dataStreams)) {
    const path = `/_data_stream/${names.map((name) => `${name}*`).join(',')}`; // a pattern that fits nothing is no error
    const query = { filter_path: 'data_streams.name,data_streams.template' };
    const reply = await client.call({ method: 'GET', path, query, shape: IN_USE, signal });
    if (reply.kind === 'silence' || reply.status !== 200) return [];
    for (const { name, template } of reply.body.data_streams) {
      if (!names.includes(name) || template === name.slice(0, name.lastIndexOf('-'))) continue;
      const detail = `the template ${template}, which is not Sluice's, wins for ${name}`;
      const advice = `Run \`sluice setup elasticsearch\`; if it is done, lower the priority of ${template} below ${PRIORITY}, or let its index_patterns leave this name out.`;
      lines.push({ what: WHAT, ok: false, detail, advice });
    }
  }
  return lines;
}

const FIELDS = ['index_patterns', 'priority', '_meta']
  .map((field) => `index_templates.index_template.${field}`)
  .concat('error', 'index_templates.name')
  .join(',');

function installedIn({ index_templates: listed }: z.infer<typeof LISTED>): Installed[] {
  return listed.map(({ name, index_template: { index_patterns: patterns, priority, _meta: meta } }) => ({
    name,
    patterns,
    priority,
    meta,
  }));
}

function isOwn({ meta }: Installed): boolean {
  return meta.managed_by === 'sluice';
}

/** Whether a pattern fits. Anybody may have written it, with any number of stars: each part is searched for once. */
export function matches(pattern: string, name: string): boolean {
  const [first = '', ...parts] = pattern.split('*');
  if (parts.length === 0) return pattern === name;
  const last = parts.pop() as string;
  if (!name.startsWith(first)) return false;
  let at = first.length;
  for (const part of parts) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return name.length - last.length >= at && name.endsWith(last);
}

function missing(found: readonly Found[]): CheckLine[] {
  const names = found.filter(({ hasOwn }) => !hasOwn).map(({ dataStream }) => dataStream);
  if (names.length === 0) return [];
  const detail = `none of Sluice ${names.length === found.length ? 'is installed' : `for ${names.join(', ')}`}`;
  return [{ what: WHAT, ok: false, detail, advice: SETUP }];
}

/** A line for each foreign template that goes before ours. */
function overruled(found: readonly Found[]): CheckLine[] {
  const losers = new Map<Installed, string[]>();
  for (const { dataStream, winner, hasOwn } of found) {
    if (winner === undefined || isOwn(winner) || (!hasOwn && winner.priority <= PRIORITY)) continue;
    losers.set(winner, [...(losers.get(winner) ?? []), dataStream]);
  }
  return [...losers].map(([{ name, patterns, priority }, dataStreams]) => ({
    what: WHAT,
    ok: false,
    detail: `the template ${name} (priority ${priority}, ${patterns.join(', ')}) goes before Sluice's for ${dataStreams.join(', ')}`,
    advice: `Lower the priority of ${name} below ${PRIORITY}, or let its index_patterns leave these names out; additions to Sluice's belong into the component template logs-<stream>@custom.`,
  }));
}

/** Templates of ours that differ from what this version makes, the components that they are composed of included. */
function outdated(
  found: readonly Found[],
  components: ReadonlyMap<string, Meta>,
  streams: readonly CheckedStream[],
  lifecycle: Expiry | undefined,
): CheckLine[] {
  const stale = new Set<string>();
  for (const { winner } of found) {
    if (winner === undefined || !isOwn(winner)) continue;
    const version = winner.meta.version ?? 0;
    const fields = streams.find(({ stream }) => winner.name === `logs-${stream}`);
    if (version > TEMPLATE_VERSION) continue; // a newer Sluice writes here, too
    if (winner.meta.version !== undefined && version < TEMPLATE_VERSION) stale.add(winner.name);
    if (fields === undefined) continue;
    const wanted = templateList([templatesFor({ ...fields, capability: winner.meta.capability ?? 'full', lifecycle })]);
    for (const { kind, name, body } of wanted) {
      const there = kind === 'index' ? winner.meta : components.get(name);
      if (there?.digest !== (stamped(body)._meta as Meta).digest) stale.add(name);
    }
  }
  if (stale.size === 0) return [];
  const names = [...stale].sort().join(', ');
  return [
    {
      what: WHAT,
      ok: false,
      detail: `missing, or older than this version: ${names}`,
      advice: `${SETUP} It also rolls data streams over whose mappings change.`,
    },
  ];
}

async function componentsOf(client: EsClient, signal: AbortSignal): Promise<Map<string, Meta>> {
  const query = { filter_path: 'component_templates.name,component_templates.component_template._meta' };
  const path = '/_component_template/sluice-*';
  const reply = await client.call({ method: 'GET', path, query, shape: COMPONENTS, signal });
  if (reply.kind === 'silence' || reply.status !== 200) return new Map();
  return new Map(reply.body.component_templates.map(({ name, component_template: { _meta } }) => [name, _meta]));
}
