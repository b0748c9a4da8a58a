/** The part of `sluice setup elasticsearch` for the newest revision of each record: kept by Sluice, or by transforms. */
import pLimit from 'p-limit';
import type { StreamName } from '../../api/document.ts';
import { usageError } from '../../api/errors.ts';
import { recordsChange } from '../../api/records/changing.ts';
import { plural } from '../../observe/show.ts';
import { backoffOf } from '../../sinks/backoff.ts';
import type { EsClient } from '../../sinks/elasticsearch/client.ts';
import type { LatestResult } from '../../sinks/elasticsearch/latest/setup.ts';
import type { TransformResult } from '../../sinks/elasticsearch/latest/transform.ts';
import type { CommandContext } from '../shared/command-context.ts';
import { placesOf, type sinksOfType } from '../shared/select.ts';

type Settings = ReturnType<typeof sinksOfType<'elasticsearch'>>[number];

export interface LatestDone {
  latest: LatestResult[];
  transforms: TransformResult[];
}

/** Both would write the same records twice. */
export function demandOneWay({ name, latest }: Settings, byTransforms: boolean): void {
  if (!latest || !byTransforms) return;
  throw usageError(
    `the sink "${name}" has \`latest: true\`, so that Sluice keeps the newest revisions itself`,
    'Leave `--latest` out, or remove `latest` from the sink to have transforms do it.',
  );
}

/** Streams whose newest revisions are kept. */
export function changingStreams({ tools }: Pick<CommandContext, 'tools'>): StreamName[] {
  return tools.streams.filter(({ stream }) => recordsChange(stream)).map(({ stream }) => stream.name);
}

export async function setUpLatest(
  context: CommandContext,
  settings: Settings,
  client: EsClient,
  { byTransforms, dryRun, signal }: { byTransforms: boolean; dryRun: boolean; signal: AbortSignal },
): Promise<LatestDone> {
  const changing = new Set(changingStreams(context));
  const of = placesOf(context.config, settings.name).filter(({ stream }) => changing.has(stream));
  if (byTransforms) {
    const { setupTransforms } = await import('../../sinks/elasticsearch/latest/transform.ts');
    return { latest: [], transforms: await setupTransforms(client, of, { dryRun, signal }) };
  }
  if (!settings.latest) return { latest: [], transforms: [] };
  const { setupLatest } = await import('../../sinks/elasticsearch/latest/setup.ts');
  const { log, tools } = context;
  const writing = {
    ...{ client, log, limit: pLimit(settings.concurrency), limits: { ...settings, dataStreamType: 'logs' } },
    newBackoff: backoffOf(`Elasticsearch at ${client.where}`, settings, log, tools.now),
  };
  return { latest: await setupLatest(writing, { of, dryRun, signal }), transforms: [] };
}

/** What became of an index, for a person. */
export function becameOfLatest({ action, documents }: LatestResult, would: (words: string) => string): string {
  if (action === 'unchanged') return action;
  return documents === 0 ? would(action) : would(`${action}, from ${plural(documents, 'document')}`);
}
