/** `sluice setup elasticsearch`: installs the generated templates; a second run finds nothing to do. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { stopError } from '../../api/errors.ts';
import { problemOf, troubleWith } from './answers.ts';
import type { EsClient, EsRequest, Reply } from './client.ts';
import type { Templates } from './templates.ts';

export interface Template {
  kind: 'component' | 'index';
  name: string;
  body: Record<string, unknown>;
}

/** What `templatesFor` made for each stream, as one list. */
export function templateList(made: readonly Templates[]): Template[] {
  return made.flatMap(({ componentTemplates, indexTemplates }) => [
    ...componentTemplates.map((each): Template => ({ kind: 'component', ...each })),
    ...indexTemplates.map((each): Template => ({ kind: 'index', ...each })),
  ]);
}

export interface SetupResult {
  name: string;
  kind: Template['kind'];
  action: 'created' | 'updated' | 'unchanged';
}

interface TemplateSetupOptions {
  /** Says what would change and changes nothing. */
  dryRun?: boolean;
  signal?: AbortSignal;
}

/** Index templates refer to component templates, which therefore come first whatever the order given. */
export async function setupElasticsearch(
  client: EsClient,
  templates: readonly Template[],
  options: TemplateSetupOptions = {},
): Promise<SetupResult[]> {
  const signal = options.signal ?? new AbortController().signal;
  const results: SetupResult[] = [];
  const inOrder = [...templates].sort((a, b) => Number(a.kind === 'index') - Number(b.kind === 'index'));
  for (const { kind, name, body } of inOrder) {
    const wanted = stamped(body);
    const installed = await installedTemplate(client, kind, name, signal);
    const action = installed === undefined ? 'created' : holds(installed, wanted) ? 'unchanged' : 'updated';
    if (action !== 'unchanged' && !options.dryRun) {
      await ask(client, { method: 'PUT', path: pathOf(kind, name), body: wanted, signal });
    }
    results.push({ name, kind, action });
  }
  return results;
}

interface Capability {
  /** `core`: a smaller distribution, for which the templates use plainer types. */
  capability: 'full' | 'core';
  /** The field types that the cluster does not know. */
  lacks: string[];
  /** One sentence for a person. */
  says: string;
}

const PROBED_TYPES: Record<string, Record<string, unknown>> = {
  wildcard: { type: 'wildcard' },
  constant_keyword: { type: 'constant_keyword' },
  match_only_text: { type: 'match_only_text' },
  scaled_float: { type: 'scaled_float', scaling_factor: 1000 },
};

/** Tries the types that ECS uses and a bare core lacks, in a template that is simulated and never stored. */
export async function detectCapability(
  client: EsClient,
  signal: AbortSignal = new AbortController().signal,
): Promise<Capability> {
  const lacks: string[] = [];
  for (const [type, field] of Object.entries(PROBED_TYPES)) {
    const body = {
      index_patterns: ['sluice-capability-probe'],
      priority: 1_000_000,
      template: { mappings: { properties: { probe: field } } },
    };
    const reply = await client.call({ method: 'POST', path: '/_index_template/_simulate', body, signal });
    const unknown =
      reply.kind === 'answer' &&
      reply.status === 400 &&
      /mapper type \[\w+\]|No handler for type/i.test(JSON.stringify(reply.body));
    if (unknown) lacks.push(type);
    else judged(client, reply);
  }
  if (lacks.length === 0)
    return { capability: 'full', lacks, says: 'The cluster knows every field type that ECS uses.' };
  const says = `The cluster is a smaller core without ${lacks.join(', ')}: fields of these types are mapped to plainer ones, and searches in them are less convenient.`;
  return { capability: 'core', lacks, says };
}

function pathOf(kind: Template['kind'], name: string): string {
  return `/${kind === 'component' ? '_component_template' : '_index_template'}/${encodeURIComponent(name)}`;
}

/** The template as it is installed. A new digest shows that something was removed from it; `holds` sees changes by hand. */
export function stamped(body: Record<string, unknown>): Record<string, unknown> {
  const digest = createHash('sha256').update(JSON.stringify(body)).digest('hex').slice(0, 16);
  return { ...body, _meta: { managed_by: 'sluice', ...(body._meta as Record<string, unknown> | undefined), digest } };
}

const ANYTHING = z.record(z.string(), z.unknown());
const INSTALLED = z.object({
  component_templates: z.array(z.object({ component_template: ANYTHING })).optional(),
  index_templates: z.array(z.object({ index_template: ANYTHING })).optional(),
});

async function installedTemplate(
  client: EsClient,
  kind: Template['kind'],
  name: string,
  signal: AbortSignal,
): Promise<Record<string, unknown> | undefined> {
  const body = await ask(
    client,
    { method: 'GET', path: pathOf(kind, name), shape: INSTALLED, signal },
    { missing: 404 },
  );
  return body?.component_templates?.[0]?.component_template ?? body?.index_templates?.[0]?.index_template;
}

/** Whether everything wanted is installed. Elasticsearch adds defaults, nests settings and turns numbers to strings. */
function holds(installed: Record<string, unknown>, wanted: Record<string, unknown>): boolean {
  const there = leaves(installed);
  return [...leaves(wanted)].every(([path, value]) => there.get(path) === value);
}

function leaves(value: unknown, path = '', into = new Map<string, string>()): Map<string, string> {
  if (typeof value !== 'object' || value === null) return into.set(canonical(path), String(value));
  for (const [member, inner] of Object.entries(value)) leaves(inner, `${path}.${member}`, into);
  return into;
}

function canonical(path: string): string {
  return path.replace(/^\.template\.settings\.(?!index\.)/, '.template.settings.index.');
}

/** What the cluster does not let an account do, and what to do about it. */
interface Needs {
  what: string;
  advice: string;
}

const TEMPLATES: Needs = {
  what: 'templates be managed',
  advice: 'Run setup with an account that has the cluster privilege manage_index_templates.',
};

/** The answer to one request of setup; undefined for the status `missing`. Everything else that is no success is thrown. */
export async function ask<Body>(
  client: EsClient,
  request: EsRequest<Body>,
  { missing, needs = TEMPLATES }: { missing?: number; needs?: Needs } = {},
): Promise<Body | undefined> {
  const reply = await client.call(request);
  if (reply.kind === 'answer' && reply.status === missing) return undefined;
  return judged(client, reply, needs);
}

function judged<Body>(client: EsClient, reply: Reply<Body>, { what, advice } = TEMPLATES): Body {
  if (reply.kind === 'answer' && reply.status < 300) return reply.body;
  if (reply.kind === 'answer' && reply.status === 403) {
    const said = problemOf(reply.body).reason;
    throw stopError(`Elasticsearch at ${client.where} does not let ${what} (${said})`, advice);
  }
  const trouble = troubleWith(reply, { where: client.where, dataStream: 'index templates' });
  throw stopError(`Elasticsearch at ${client.where} ${trouble.why}`, trouble.advice);
}
