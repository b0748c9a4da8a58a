/** When documents expire: a retention of the data stream's own lifecycle, a policy of ILM, or never. */
import { z } from 'zod';
import { stopError } from '../../api/errors.ts';
import type { CheckLine } from '../../api/sink.ts';
import { problemOf, saidBy } from './answers.ts';
import { inPortions } from './bulk.ts';
import type { EsClient, Reply } from './client.ts';

export type Expiry = { kind: 'retention'; retentionMs: number } | { kind: 'ilm'; policy: string };

/** What a template says of it; a `@custom` component may override it. */
export function lifecycleInTemplate(lifecycle: Expiry | undefined): {
  index?: Record<string, unknown>;
  lifecycle?: Record<string, unknown>;
} {
  if (lifecycle === undefined) return {};
  if (lifecycle.kind === 'ilm') return { index: { lifecycle: { name: lifecycle.policy } } };
  // An index that has a policy besides, from a `@custom` component, follows what the config says.
  return {
    index: { lifecycle: { prefer_ilm: false } },
    lifecycle: { data_retention: timeValue(lifecycle.retentionMs) },
  };
}

const UNITS: readonly [string, number][] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
];

/** As Elasticsearch writes it: `90d`. */
export function timeValue(ms: number): string {
  const [unit, size] = UNITS.find(([, size]) => ms % size === 0) ?? ['ms', 1];
  return `${ms / size}${unit}`;
}

export function sayLifecycle(lifecycle: Expiry): string {
  return lifecycle.kind === 'ilm' ? `ILM policy ${lifecycle.policy}` : `retention ${timeValue(lifecycle.retentionMs)}`;
}

const KEPT = z.object({
  name: z.string(),
  ilm_policy: z.string().optional(),
  lifecycle: z.object({ enabled: z.boolean().default(true), data_retention: z.string().optional() }).optional(),
  indices: z
    .array(
      z.object({
        ilm_policy: z.string().optional(),
        prefer_ilm: z.boolean().default(true),
        managed_by: z.string().optional(),
      }),
    )
    .default([]),
});
const KEPT_ALL = z.object({ data_streams: z.array(KEPT).default([]) });

/** A data stream, and what makes its documents expire. */
export type Kept = z.infer<typeof KEPT>;

/** A cluster without the module: a bare core, where another route may have the shape of this path. */
export function hasNoSuchApi(reply: Reply): boolean {
  return (
    reply.kind === 'answer' &&
    reply.status >= 400 &&
    /no handler found|incorrect HTTP method/i.test(problemOf(reply.body).reason)
  );
}

/** Those of the data streams that exist; where they cannot be seen, the reply that says why. */
export async function keptIn(
  client: EsClient,
  dataStreams: readonly string[],
  signal: AbortSignal,
): Promise<Kept[] | { unseen: Reply }> {
  const found: Kept[] = [];
  for (const names of inPortions(dataStreams)) {
    const path = `/_data_stream/${names.map((name) => `${name}*`).join(',')}`; // a pattern that fits nothing is no error
    const reply = await client.call({
      method: 'GET',
      path,
      query: { expand_wildcards: 'all' },
      shape: KEPT_ALL,
      signal,
    });
    if (reply.kind === 'silence' || reply.status !== 200) return { unseen: reply };
    found.push(...reply.body.data_streams.filter(({ name }) => names.includes(name)));
  }
  return found;
}

/** Whether the data stream expires as the config says. */
export function follows({ lifecycle: own, ilm_policy, indices }: Kept, wanted: Expiry): boolean {
  if (wanted.kind === 'ilm')
    return indices.every((index) => index.prefer_ilm && (index.ilm_policy ?? ilm_policy) === wanted.policy);
  const isKept = own?.enabled === true && own.data_retention === timeValue(wanted.retentionMs);
  return isKept && !indices.some(isUnderIlm);
}

export function isUnderIlm({ managed_by }: Kept['indices'][number]): boolean {
  return managed_by === 'Index Lifecycle Management';
}

function expires({ lifecycle, ilm_policy }: Kept): boolean {
  return ilm_policy !== undefined || (lifecycle?.enabled === true && lifecycle.data_retention !== undefined);
}

/** Throws where the policy cannot be followed: templates that name it would be refused, or nothing would expire. */
export async function demandPolicy(
  client: EsClient,
  lifecycle: Expiry | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (lifecycle?.kind !== 'ilm') return;
  const trouble = await policyTrouble(client, lifecycle.policy, signal);
  if (trouble !== undefined) throw stopError(`${trouble.detail} at ${client.where}`, trouble.advice);
}

async function policyTrouble(client: EsClient, policy: string, signal: AbortSignal) {
  const path = `/_ilm/policy/${encodeURIComponent(policy)}`;
  const reply = await client.call({ method: 'GET', path, query: { filter_path: '*.version,error' }, signal });
  if (hasNoSuchApi(reply)) {
    const advice = 'Remove `ilm_policy` from the sink, or use a cluster of the default distribution.';
    return { detail: 'there is no index lifecycle management', advice };
  }
  if (reply.kind === 'silence' || reply.status !== 404) return undefined; // who may not read policies may still name one
  const advice = 'Create it (Kibana: Stack Management, Index Lifecycle Policies), or correct `ilm_policy` of the sink.';
  return { detail: `there is no ILM policy "${policy}"`, advice };
}

const WHAT = 'Lifecycle';

/** Whether documents expire as the config says; a warning where nothing ever does. */
export async function checkLifecycle(
  client: EsClient,
  dataStreams: readonly string[],
  lifecycle: Expiry | undefined,
  signal: AbortSignal,
): Promise<CheckLine> {
  const line = (ok: boolean, detail: string, advice?: string): CheckLine => ({ what: WHAT, ok, detail, advice });
  if (lifecycle?.kind === 'ilm') {
    const trouble = await policyTrouble(client, lifecycle.policy, signal);
    if (trouble !== undefined) return line(false, trouble.detail, trouble.advice);
  }
  const kept = dataStreams.length === 0 ? [] : await keptIn(client, dataStreams, signal);
  if ('unseen' in kept) return unseen(kept.unseen, lifecycle);
  if (lifecycle === undefined) return undecided(kept);
  const others = kept.filter((one) => !follows(one, lifecycle)).map(({ name }) => name);
  if (others.length === 0) return line(true, sayLifecycle(lifecycle));
  const advice = 'Run `sluice setup elasticsearch` once, with an account that has `manage` on these data streams.';
  return line(false, `${sayLifecycle(lifecycle)} does not hold for ${others.join(', ')}`, advice);
}

function unseen(reply: Reply, lifecycle: Expiry | undefined): CheckLine {
  const set = lifecycle === undefined ? NEVER : sayLifecycle(lifecycle);
  if (hasNoSuchApi(reply)) {
    const detail = lifecycle === undefined ? NEVER : `${set} is set, but this cluster is a core that expires nothing`;
    return { what: WHAT, ok: true, isWarning: true, detail };
  }
  const ok = reply.kind === 'answer' && reply.status === 403;
  const advice = 'Give the privilege view_index_metadata to have the lifecycle checked.';
  return {
    what: WHAT,
    ok,
    isWarning: lifecycle === undefined,
    detail: `${set}; cannot be seen (${saidBy(reply)})`,
    advice,
  };
}

const NEVER = 'nothing expires: the sink has neither `retention` nor `ilm_policy`';

/** The config says nothing: a lifecycle may still have been set on the cluster. */
function undecided(kept: readonly Kept[]): CheckLine {
  const forEver = kept.filter((one) => !expires(one)).map(({ name }) => name);
  if (kept.length > 0 && forEver.length === 0)
    return { what: WHAT, ok: true, detail: 'documents expire as it was set on the cluster, not by this config' };
  const where = forEver.length === kept.length ? '' : ` (${forEver.join(', ')}; others as set on the cluster)`;
  return { what: WHAT, ok: true, isWarning: true, detail: `${NEVER}${where}` };
}
