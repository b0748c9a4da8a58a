/**
 * `sluice setup elasticsearch --latest`: transforms, with which the cluster itself keeps the newest revision of each
 * record. Elasticsearch's own rule: it reads what was ingested since its last checkpoint, and takes the last of that.
 */
import { createHash } from 'node:crypto';
import type { estypes } from '@elastic/elasticsearch';
import { z } from 'zod';
import { stopError } from '../../../api/errors.ts';
import { dataStreamOf } from '../bulk.ts';
import type { EsClient } from '../client.ts';
import { hasNoSuchApi } from '../lifecycle.ts';
import { ask } from '../setup.ts';
import { latestOf, type Of } from './names.ts';

export interface TransformResult {
  name: string;
  action: 'created' | 'updated' | 'unchanged';
}

const ADVICE =
  'Run setup with an account that has the cluster privilege `manage_transform`, `read` and `view_index_metadata` on logs-*, and `manage`, `index` and `read` on latest-*.';
const NEEDS = { what: 'transforms be managed', advice: ADVICE };

type Body = Required<
  Pick<estypes.TransformPutTransformRequest, 'source' | 'dest' | 'latest' | 'sync' | 'frequency' | 'settings'>
> &
  Pick<estypes.TransformPutTransformRequest, 'description' | '_meta'>;

/** Sorted by `event.sequence`, since two revisions may be ingested in the same millisecond. */
export function transformFor(of: Of): { name: string; body: Body } {
  return {
    name: nameOf(of),
    body: {
      description: `Sluice: the newest revision of each record of ${of.stream} of ${of.namespace}`,
      source: { index: [dataStreamOf('logs', of)] },
      dest: { index: latestOf(of) },
      latest: { unique_key: ['event.id'], sort: 'event.sequence' },
      // Longer than a bulk request takes from the stamp to the search: what comes later would be passed.
      sync: { time: { field: 'event.ingested', delay: '2m' } },
      frequency: '1m',
      // It goes on by itself when the data stream is not there yet, or a node was away.
      settings: { unattended: true },
      _meta: { managed_by: 'sluice', version: TRANSFORM_VERSION },
    },
  };
}

/** Elasticsearch takes ids of 64 characters at most. */
const MOST_NAME = 64;

function nameOf(of: Of): string {
  const name = `sluice-${latestOf(of)}`;
  if (name.length <= MOST_NAME) return name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 16);
  return `${name.slice(0, MOST_NAME - 17)}-${hash}`;
}

/** Raised whenever `transformFor` says something else. */
const TRANSFORM_VERSION = 1;

const INSTALLED = z.object({
  transforms: z
    .array(z.object({ _meta: z.object({ version: z.number().optional() }).catch({}).default({}) }))
    .default([]),
});

/** One of an older version is deleted and made again: what it wrote stays, and is written again. */
export async function setupTransforms(
  client: EsClient,
  of: readonly Of[],
  { dryRun = false, signal }: { dryRun?: boolean; signal: AbortSignal },
): Promise<TransformResult[]> {
  const results: TransformResult[] = [];
  for (const { name, body } of of.map(transformFor)) {
    const path = `/_transform/${name}`;
    await demandTransforms(client, path, signal);
    const installed = await ask(
      client,
      { method: 'GET', path, shape: INSTALLED, signal },
      { missing: 404, needs: NEEDS },
    );
    const version = installed?.transforms[0]?._meta.version;
    const action = installed === undefined ? 'created' : version === TRANSFORM_VERSION ? 'unchanged' : 'updated';
    results.push({ name, action });
    if (dryRun || action === 'unchanged') continue;
    if (action === 'updated')
      await ask(client, { method: 'DELETE', path, query: { force: true }, signal }, { needs: NEEDS });
    const query = { defer_validation: true };
    await ask(client, { method: 'PUT', path, query, body: { ...body }, signal }, { needs: NEEDS });
    await ask(client, { method: 'POST', path: `${path}/_start`, signal }, { needs: NEEDS });
  }
  return results;
}

async function demandTransforms(client: EsClient, path: string, signal: AbortSignal): Promise<void> {
  const reply = await client.call({ method: 'GET', path, signal });
  if (!hasNoSuchApi(reply)) return;
  throw stopError(
    `there are no transforms at ${client.where}`,
    'Write `latest: true` into the sink instead: Sluice then keeps the newest revisions itself.',
  );
}
