/** `sluice check` for Elasticsearch: looks, and writes nothing. */
import { z } from 'zod';
import { SluiceError } from '../../api/errors.ts';
import type { CheckLine } from '../../api/sink.ts';
import { NEEDED_PRIVILEGES, problemOf, saidBy, troubleWith } from './answers.ts';
import { inPortions } from './bulk.ts';
import type { EsClient, Reply } from './client.ts';
import { checkLatest, LATEST_PRIVILEGES } from './latest/check.ts';
import { checkLifecycle, type Expiry } from './lifecycle.ts';
import { type CheckedStream, checkTemplates } from './template-check.ts';

export async function checkElasticsearch(
  client: EsClient,
  {
    dataStreams,
    streams,
    lifecycle,
    latestNames = [],
  }: {
    dataStreams: readonly string[];
    streams: readonly CheckedStream[];
    lifecycle: Expiry | undefined;
    /** Aliases of newest revisions; none, where the sink keeps none. */
    latestNames?: readonly string[];
  },
  signal: AbortSignal,
): Promise<CheckLine[]> {
  const reachable = await checkReachable(client, signal);
  if (!reachable.ok) return [reachable];
  const names = dataStreams.length > 0 ? dataStreams : ['logs-*'];
  return [
    reachable,
    ...(await checkTemplates(client, dataStreams, streams, lifecycle, signal)),
    await checkLifecycle(client, dataStreams, lifecycle, signal),
    ...(await checkNames(client, dataStreams, signal)),
    ...(latestNames.length > 0 ? await checkLatest(client, latestNames, signal) : []),
    await checkPrivileges(client, names, latestNames, signal),
    await checkBlocks(client, names, signal),
  ];
}

const ROOT = z.object({ version: z.object({ number: z.string() }).optional() });
const LICENCE = z.object({
  license: z.object({ type: z.string().optional(), status: z.string().optional() }).optional(),
});

async function checkReachable(client: EsClient, signal: AbortSignal): Promise<CheckLine> {
  const what = 'Elasticsearch reachable';
  const reply = await client.call({ method: 'GET', path: '/', shape: ROOT, signal });
  const version = reply.kind === 'answer' && reply.status === 200 ? reply.body.version?.number : undefined;
  if (version === undefined) return unreachable(client, what, reply);
  const licence = await licenceOf(client, signal);
  const detail = `${version} at ${client.where}${licence}`;
  if (isTested(version)) return { what, ok: true, detail };
  return { what, ok: false, detail, advice: 'Sluice is tested with 8.19 and 9: upgrade the cluster.' };
}

function unreachable(client: EsClient, what: string, reply: Reply): CheckLine {
  if (reply.kind === 'answer' && (reply.status < 300 || reply.status === 404)) {
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
  const reply = await client.call({ method: 'GET', path: '/_license', shape: LICENCE, signal });
  const licence = reply.kind === 'answer' && reply.status === 200 ? reply.body.license : undefined;
  return licence?.type ? `, ${licence.type} licence ${licence.status ?? ''}`.trimEnd() : '';
}

const NAMES = z.object({
  indices: z.array(z.object({ name: z.string() })).default([]),
  aliases: z.array(z.object({ name: z.string(), indices: z.array(z.string()).default([]) })).default([]),
});

/** Names of data streams that an index or alias has: documents would go there, without their mappings and look-ups. */
async function checkNames(client: EsClient, dataStreams: readonly string[], signal: AbortSignal): Promise<CheckLine[]> {
  const what = 'Data streams';
  const lines: CheckLine[] = [];
  for (const names of inPortions(dataStreams)) {
    const query = { ignore_unavailable: true, expand_wildcards: 'all' };
    const path = `/_resolve/index/${names.join(',')}`;
    const reply = await client.call({ method: 'GET', path, query, shape: NAMES, signal });
    if (reply.kind === 'silence' || reply.status !== 200) {
      const ok = reply.kind === 'answer' && reply.status === 403;
      const advice = 'Give the privilege view_index_metadata to have the names checked.';
      return [{ what, ok, detail: `cannot be seen (${saidBy(reply)})`, advice }];
    }
    const { indices, aliases } = reply.body;
    const then = 'Then the first write makes the data stream.';
    for (const { name } of indices.filter((each) => names.includes(each.name))) {
      const advice = `Copy what is worth keeping to another name (POST /_reindex) and delete the index (DELETE /${name}). ${then}`;
      lines.push({ what, ok: false, detail: `${name} is a plain index`, advice });
    }
    for (const { name, indices: behind } of aliases.filter((each) => names.includes(each.name))) {
      const advice = `Remove the alias (DELETE /${behind.join(',')}/_alias/${name}). ${then}`;
      lines.push({ what, ok: false, detail: `${name} is an alias of ${behind.join(', ')}`, advice });
    }
  }
  return lines.length > 0 ? lines : [{ what, ok: true, detail: 'no index and no alias has their names' }];
}

const PRIVILEGES = z.object({ index: z.record(z.string(), z.record(z.string(), z.boolean())).default({}) });

/** Answers of a cluster without security: a bare core has no such module, and a distribution may have it switched off. */
const NO_SECURITY = /no handler found|security (is not|must be|is disabled)/i;

async function checkPrivileges(
  client: EsClient,
  names: readonly string[],
  latestNames: readonly string[],
  signal: AbortSignal,
): Promise<CheckLine> {
  const what = 'May write';
  const latest = latestNames.length > 0 ? [{ names: latestNames, privileges: LATEST_PRIVILEGES }] : [];
  const body = { index: [{ names, privileges: NEEDED_PRIVILEGES }, ...latest] };
  const path = '/_security/user/_has_privileges';
  const reply = await client.call({ method: 'POST', path, body, shape: PRIVILEGES, signal });
  if (reply.kind === 'answer' && reply.status >= 400 && NO_SECURITY.test(problemOf(reply.body).reason)) {
    return { what, ok: true, detail: 'the cluster has no security: everybody may' };
  }
  if (reply.kind === 'silence' || reply.status !== 200) {
    return { what, ok: false, detail: saidBy(reply), advice: 'Check the credentials.' };
  }
  const { index } = reply.body;
  const missing = Object.entries(index).flatMap(([name, has]) =>
    Object.entries(has).flatMap(([privilege, granted]) => (granted ? [] : [`${privilege} on ${name}`])),
  );
  if (missing.length === 0) return { what, ok: true, detail: NEEDED_PRIVILEGES.join(', ') };
  return {
    what,
    ok: false,
    detail: `missing: ${missing.join(', ')}`,
    advice: 'Add these index privileges to the role or API key.',
  };
}

const SETTINGS = z.record(z.string(), z.object({ settings: z.record(z.string(), z.unknown()).default({}) }));

async function checkBlocks(client: EsClient, names: readonly string[], signal: AbortSignal): Promise<CheckLine> {
  const what = 'Not blocked';
  const blocks: string[] = [];
  for (const portion of inPortions(names)) {
    const reply = await client.call({
      method: 'GET',
      path: `/${portion.join(',')}/_settings/index.blocks.*`,
      query: { flat_settings: true, ignore_unavailable: true, allow_no_indices: true, expand_wildcards: 'open,hidden' },
      shape: SETTINGS,
      signal,
    });
    if (reply.kind === 'silence' || (reply.status !== 200 && reply.status !== 404)) {
      const ok = reply.kind === 'answer' && reply.status === 403;
      const advice = 'Give the privilege view_index_metadata to have blocks checked.';
      return { what, ok, detail: `cannot be seen (${saidBy(reply)})`, advice };
    }
    if (reply.status === 200) blocks.push(...blocksOf(reply.body));
  }
  if (blocks.length === 0) return { what, ok: true, detail: `no block on ${names.join(', ')}` };
  const disk = blocks.some((block) => block.includes('read_only_allow_delete'));
  const advice = disk
    ? 'The disk of a node is nearly full: free space or add some, and the block goes away by itself.'
    : 'Lift it: PUT /<index>/_settings {"<block>": null}.';
  return { what, ok: false, detail: blocks.join('; '), advice };
}

/** Older backing indices are often blocked on purpose; only the newest one of a data stream is written to. */
function blocksOf(indices: z.infer<typeof SETTINGS>): string[] {
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
