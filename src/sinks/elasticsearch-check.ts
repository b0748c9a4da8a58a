/** `sluice check` for Elasticsearch: looks, and writes nothing. */
import { SluiceError } from '../errors.ts';
import type { CheckLine } from '../types.ts';
import { neededPrivileges, problemOf, troubleWith } from './elasticsearch-answers.ts';
import type { EsClient, Reply } from './elasticsearch-client.ts';

export async function checkElasticsearch(
  client: EsClient,
  dataStreams: readonly string[],
  signal: AbortSignal,
): Promise<CheckLine[]> {
  const reachable = await checkReachable(client, signal);
  if (!reachable.ok) return [reachable];
  const names = dataStreams.length > 0 ? dataStreams : ['logs-*'];
  return [
    reachable,
    await checkTemplates(client, dataStreams, signal),
    await checkPrivileges(client, names, signal),
    await checkBlocks(client, names, signal),
  ];
}

async function checkReachable(client: EsClient, signal: AbortSignal): Promise<CheckLine> {
  const what = 'Elasticsearch reachable';
  const reply = await client.call({ method: 'GET', path: '/', signal });
  const version =
    reply.kind === 'answer' ? (reply.body as { version?: { number?: string } } | null)?.version?.number : undefined;
  if (reply.kind !== 'answer' || reply.status !== 200 || version === undefined) return unreachable(client, what, reply);
  const licence = await licenceOf(client, signal);
  const detail = `${version} at ${client.where}${licence}`;
  if (isTested(version)) return { what, ok: true, detail };
  return { what, ok: false, detail, advice: 'Sluice is tested with 8.19 and 9: upgrade the cluster.' };
}

function unreachable(client: EsClient, what: string, reply: Reply): CheckLine {
  if (reply.kind === 'answer' && reply.status < 300) {
    return { what, ok: false, detail: `something else answers at ${client.where}`, advice: 'Check the address.' };
  }
  try {
    const { why, advice } = troubleWith(reply, { where: client.where, dataStream: 'the cluster' });
    return { what, ok: false, detail: `Elasticsearch at ${client.where} ${why}`, advice };
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    return { what, ok: false, detail: error.message, advice: error.advice };
  }
}

function isTested(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major >= 9 || (major === 8 && minor >= 19);
}

/** A core without the licence module is fine: Sluice needs nothing that is paid for. */
async function licenceOf(client: EsClient, signal: AbortSignal): Promise<string> {
  const reply = await client.call({ method: 'GET', path: '/_license', signal });
  const licence =
    reply.kind === 'answer'
      ? (reply.body as { license?: { type?: string; status?: string } } | null)?.license
      : undefined;
  return licence?.type ? `, ${licence.type} licence ${licence.status ?? ''}`.trimEnd() : '';
}

interface Templates {
  index_templates?: { name: string; index_template?: { index_patterns?: string[]; _meta?: { managed_by?: string } } }[];
}

async function checkTemplates(
  client: EsClient,
  dataStreams: readonly string[],
  signal: AbortSignal,
): Promise<CheckLine> {
  const what = 'Index templates';
  const query = {
    filter_path:
      'error,index_templates.name,index_templates.index_template.index_patterns,index_templates.index_template._meta',
  };
  const reply = await client.call({ method: 'GET', path: '/_index_template', query, signal });
  if (reply.kind === 'silence' || reply.status !== 200) {
    const detail = `cannot be seen (${saidBy(reply)})`;
    return {
      what,
      ok: reply.kind === 'answer' && reply.status === 403,
      detail,
      advice: 'If they were never installed: `sluice setup elasticsearch`.',
    };
  }
  const ours = ((reply.body as Templates).index_templates ?? []).filter(isOurs);
  const patterns = ours.flatMap(({ index_template: template }) => template?.index_patterns ?? []);
  const without = dataStreams.filter((name) => !patterns.some((pattern) => matches(pattern, name)));
  const advice = 'Run `sluice setup elasticsearch` once, with an account that may manage index templates.';
  if (ours.length === 0) return { what, ok: false, detail: 'none of Sluice is installed', advice };
  if (without.length > 0) return { what, ok: false, detail: `none for ${without.join(', ')}`, advice };
  return { what, ok: true, detail: `${ours.length} installed` };
}

function isOurs({ name, index_template: template }: NonNullable<Templates['index_templates']>[number]): boolean {
  return template?._meta?.managed_by === 'sluice' || name.includes('sluice');
}

function matches(pattern: string, name: string): boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(name);
}

interface Privileges {
  has_all_requested?: boolean;
  index?: Record<string, Record<string, boolean>>;
}

/** A core has no such module; a distribution may have it switched off. */
const noSecurity = /no handler found|security (is not|must be|is disabled)/i;

async function checkPrivileges(client: EsClient, names: readonly string[], signal: AbortSignal): Promise<CheckLine> {
  const what = 'May write';
  const body = { index: [{ names, privileges: neededPrivileges }] };
  const reply = await client.call({ method: 'POST', path: '/_security/user/_has_privileges', body, signal });
  if (reply.kind === 'answer' && reply.status >= 400 && noSecurity.test(problemOf(reply.body).reason)) {
    return { what, ok: true, detail: 'the cluster has no security: everybody may' };
  }
  if (reply.kind === 'silence' || reply.status !== 200) {
    return { what, ok: false, detail: saidBy(reply), advice: 'Check the credentials.' };
  }
  const { index = {} } = reply.body as Privileges;
  const missing = Object.entries(index).flatMap(([name, has]) =>
    Object.entries(has).flatMap(([privilege, granted]) => (granted ? [] : [`${privilege} on ${name}`])),
  );
  if (missing.length === 0) return { what, ok: true, detail: neededPrivileges.join(', ') };
  return {
    what,
    ok: false,
    detail: `missing: ${missing.join(', ')}`,
    advice: 'Add these index privileges to the role or API key.',
  };
}

async function checkBlocks(client: EsClient, names: readonly string[], signal: AbortSignal): Promise<CheckLine> {
  const what = 'Not blocked';
  const reply = await client.call({
    method: 'GET',
    path: `/${names.join(',')}/_settings/index.blocks.*`,
    query: { flat_settings: true, ignore_unavailable: true, allow_no_indices: true, expand_wildcards: 'open,hidden' },
    signal,
  });
  if (reply.kind === 'silence' || (reply.status !== 200 && reply.status !== 404)) {
    const advice = 'Give the privilege view_index_metadata to have blocks checked.';
    return {
      what,
      ok: reply.kind === 'answer' && reply.status === 403,
      detail: `cannot be seen (${saidBy(reply)})`,
      advice,
    };
  }
  const indices = reply.status === 404 ? {} : (reply.body as Record<string, { settings?: Record<string, unknown> }>);
  const blocks = blocksOf(indices);
  if (blocks.length === 0) return { what, ok: true, detail: `no block on ${names.join(', ')}` };
  const disk = blocks.some((block) => block.includes('read_only_allow_delete'));
  const advice = disk
    ? 'The disk of a node is nearly full: free space or add some, and the block goes away by itself.'
    : 'Lift it: PUT /<index>/_settings {"<block>": null}.';
  return { what, ok: false, detail: blocks.join('; '), advice };
}

/** Older backing indices are often blocked on purpose; only the newest one of a data stream is written to. */
function blocksOf(indices: Record<string, { settings?: Record<string, unknown> }>): string[] {
  const newest = new Map<string, string>();
  for (const name of Object.keys(indices).sort(byGeneration)) newest.set(withoutGeneration(name), name);
  return [...newest.values()].flatMap((name) =>
    Object.entries(indices[name]?.settings ?? {})
      .filter(
        ([setting, value]) => String(value) === 'true' && !setting.endsWith('.read') && !setting.endsWith('.metadata'),
      )
      .map(([setting]) => `${name}: ${setting}`),
  );
}

function generation(name: string): number {
  return Number(/-(\d{6,})$/.exec(name)?.[1] ?? 0);
}

function byGeneration(a: string, b: string): number {
  return generation(a) - generation(b);
}

function withoutGeneration(name: string): string {
  return name.replace(/^\.ds-(.*)-\d{4}\.\d{2}\.\d{2}-\d{6,}$/, '$1');
}

function saidBy(reply: Reply): string {
  if (reply.kind === 'silence') return reply.why;
  const { type, reason } = problemOf(reply.body);
  return `${reply.status} ${type}: ${reason}`;
}
