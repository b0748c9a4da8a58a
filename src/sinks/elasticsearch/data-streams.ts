/**
 * `sluice setup elasticsearch` for data streams that exist: templates only reach their next backing index. So a data
 * stream whose mappings would be others is rolled over, and its lifecycle is set on it itself.
 */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { saidBy } from './answers.ts';
import { inPortions } from './bulk.ts';
import type { EsClient } from './client.ts';
import {
  type Expiry,
  follows,
  hasNoSuchApi,
  isUnderIlm,
  type Kept,
  keptIn,
  sayLifecycle,
  timeValue,
} from './lifecycle.ts';
import { ask, type Template } from './setup.ts';

export interface DataStreamResult {
  name: string;
  /** Fields whose mapping is another than the newest backing index has; none where it needs no rollover. */
  changed: string[];
  action: 'rolled over' | 'unchanged';
  /** The lifecycle that was set; undefined where it was as it should be. */
  lifecycle?: string;
}

export interface DataStreamSetup {
  /** Those of this config: what others keep in the same cluster is not expired by it. */
  dataStreams: readonly string[];
  lifecycle: Expiry | undefined;
  /** What is not installed yet, where nothing is to be changed: the mappings are then foreseen. */
  foreseen?: readonly Template[];
  dryRun?: boolean;
  signal: AbortSignal;
}

export interface DataStreamsSetUp {
  results: DataStreamResult[];
  /** What a person should know besides. */
  notes: string[];
}

const MANAGE = 'Run setup with an account that has the index privilege `manage` on logs-*.';
const NEEDS = { what: 'data streams be managed', advice: MANAGE };

/** A second run finds nothing to do. */
export async function setupDataStreams(client: EsClient, setup: DataStreamSetup): Promise<DataStreamsSetUp> {
  const { lifecycle, signal, dryRun = false } = setup;
  const existing = await existingOf(client, setup.dataStreams, signal);
  const notes: string[] = [];
  const results: DataStreamResult[] = [];
  for (const { name, newest } of existing) {
    const changed = differing(await wantedMapping(client, name, setup), await mappingOf(client, newest, signal));
    if (changed.length > 0 && !dryRun) {
      await ask(client, { method: 'POST', path: `/${name}/_rollover`, signal }, { needs: NEEDS });
    }
    results.push({ name, changed, action: changed.length > 0 ? 'rolled over' : 'unchanged' });
  }
  if (lifecycle === undefined) return { results, notes };
  const kept = await keptIn(client, setup.dataStreams, signal);
  if ('unseen' in kept) {
    const why = hasNoSuchApi(kept.unseen) ? 'this cluster is a core that expires nothing' : saidBy(kept.unseen);
    notes.push(`${sayLifecycle(lifecycle)} is not in force: ${why}`);
    return { results, notes };
  }
  for (const one of kept.filter((each) => !follows(each, lifecycle))) {
    if (!dryRun) await keep(client, one, lifecycle, signal);
    const result = results.find(({ name }) => name === one.name);
    if (result !== undefined) result.lifecycle = sayLifecycle(lifecycle);
  }
  return { results, notes };
}

async function keep(client: EsClient, one: Kept, lifecycle: Expiry, signal: AbortSignal): Promise<void> {
  const own = `/_data_stream/${one.name}/_lifecycle`;
  const settings = async (body: Record<string, unknown>) =>
    ask(client, { method: 'PUT', path: `/${one.name}/_settings`, body, signal }, { needs: NEEDS });
  if (lifecycle.kind === 'ilm') {
    await settings({ 'index.lifecycle.name': lifecycle.policy, 'index.lifecycle.prefer_ilm': true });
    if (one.lifecycle !== undefined) await ask(client, { method: 'DELETE', path: own, signal }, { needs: NEEDS });
    return;
  }
  const body = { data_retention: timeValue(lifecycle.retentionMs) };
  await ask(client, { method: 'PUT', path: own, body, signal }, { needs: NEEDS });
  if (one.indices.some(isUnderIlm)) await settings({ 'index.lifecycle.prefer_ilm': false });
}

const RESOLVED = z.object({
  data_streams: z
    .array(z.object({ name: z.string(), backing_indices: z.array(z.string()).or(z.string()) }))
    .default([]),
});

async function existingOf(client: EsClient, names: readonly string[], signal: AbortSignal) {
  const found: { name: string; newest: string }[] = [];
  for (const portion of inPortions(names)) {
    const path = `/_resolve/index/${portion.map((name) => `${name}*`).join(',')}`;
    const reply = await ask(client, { method: 'GET', path, shape: RESOLVED, signal }, { needs: NEEDS });
    for (const { name, backing_indices: indices } of reply?.data_streams ?? []) {
      const newest = [indices].flat().at(-1);
      if (portion.includes(name) && newest !== undefined) found.push({ name, newest });
    }
  }
  return found;
}

type Mapping = Record<string, unknown>;
const MAPPING = z.record(z.string(), z.object({ mappings: z.record(z.string(), z.unknown()).default({}) }));
const SIMULATED = z.object({
  template: z.object({ mappings: z.record(z.string(), z.unknown()).default({}) }).default({ mappings: {} }),
});

async function mappingOf(client: EsClient, index: string, signal: AbortSignal): Promise<Mapping> {
  const reply = await ask(
    client,
    { method: 'GET', path: `/${index}/_mapping`, shape: MAPPING, signal },
    { needs: NEEDS },
  );
  return reply?.[index]?.mappings ?? {};
}

/** As the cluster would make it for the next backing index, in its own spelling. */
async function wantedMapping(
  client: EsClient,
  dataStream: string,
  { foreseen = [], signal }: DataStreamSetup,
): Promise<Mapping> {
  const stream = dataStream.replace(/^logs-/, '').replace(/-[^-]*$/, '');
  const ahead = foreseen.find(({ name }) => name === `sluice-${stream}@mappings`);
  if (ahead === undefined) {
    const path = `/_index_template/_simulate_index/${encodeURIComponent(dataStream)}`;
    const reply = await ask(client, { method: 'POST', path, shape: SIMULATED, signal });
    return reply?.template.mappings ?? {};
  }
  const { template } = ahead.body as { template: Record<string, unknown> };
  const body = {
    index_patterns: [dataStream],
    priority: 1_000_000,
    data_stream: {},
    template,
    composed_of: [`logs-${stream}@custom`],
    ignore_missing_component_templates: [`logs-${stream}@custom`],
  };
  const reply = await ask(client, {
    method: 'POST',
    path: '/_index_template/_simulate',
    body,
    shape: SIMULATED,
    signal,
  });
  return reply?.template.mappings ?? {};
}

/** The fields (or settings of the mapping) that the newest index has not as wanted; what it has besides came by itself. */
export function differing(wanted: Mapping, there: Mapping): string[] {
  const { properties, _meta, ...rest } = wanted;
  const found = Object.keys(rest).filter((name) => !isDeepStrictEqual(rest[name], there[name]));
  return [...found, ...differingFields(properties as Mapping | undefined, there.properties as Mapping | undefined)];
}

function differingFields(wanted: Mapping = {}, there: Mapping = {}, above = ''): string[] {
  return Object.entries(wanted).flatMap(([name, definition]) => {
    const path = `${above}${name}`;
    const one = definition as Mapping;
    const other = there[name] as Mapping | undefined;
    if (other === undefined || !isDeepStrictEqual(withoutFields(one), withoutFields(other))) return [path];
    return differingFields(one.properties as Mapping | undefined, other.properties as Mapping | undefined, `${path}.`);
  });
}

/** An object's type goes unsaid once it has fields. */
function withoutFields({ properties, ...rest }: Mapping): Mapping {
  if (rest.type !== 'object' && properties === undefined) return rest;
  const { type, ...others } = rest;
  return type === undefined || type === 'object' ? { ...others, type: 'object' } : rest;
}
