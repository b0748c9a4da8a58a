/**
 * The Elasticsearch sink: data streams, `create` with our own ids, effectively once.
 *
 * An id that is there already answers 409 and counts as delivered. That holds within one backing index only, so
 * whenever it is not known whether a request was carried out, its ids are looked up over the whole data stream before
 * they are sent again. Limit: a request still held back by a proxy when we look is found neither as a task nor as a
 * document; it doubles if a rollover happens to fall in between.
 */
import pLimit from 'p-limit';
import type { Logger } from 'pino';
import type { CheckLine, Prepared, Sink } from '../../api/sink.ts';
import { type BackoffSettings, backoffOf } from '../backoff.ts';
import { changesAmong } from './beside/changes.ts';
import { addChanges, completeChanges } from './beside/complete.ts';
import { dataStreamOf } from './bulk.ts';
import { type ConnectionSettings, connectElasticsearch, type EsClient } from './client.ts';
import { completeLatest } from './latest/complete.ts';
import { latestOf, type Of } from './latest/names.ts';
import { keepNewest, newestAmong } from './latest/write.ts';
import type { Expiry } from './lifecycle.ts';
import { lookUpUntilAnswered } from './lookup.ts';
import { removeFrom, storedIn } from './stored.ts';
import type { CheckedStream } from './template-check.ts';
import { deliverAll, type Writing } from './write.ts';

export interface ElasticsearchSettings extends ConnectionSettings, BackoffSettings {
  dataStreamType?: 'logs';
  maxBulkBytes?: number;
  maxBulkDocuments?: number;
  /** Bulk requests at a time, over all walks of this sink. */
  concurrency?: number;
  /** The data streams that `check` looks at, e.g. `logs-cylance.detection-acme`; by default all of `logs-*`. */
  dataStreams?: readonly string[];
  /** The streams whose templates `check` compares with those of this version. */
  streams?: readonly CheckedStream[];
  /** Whether later revisions go into a data stream of their own, too. */
  changes?: boolean;
  /** Whether the newest revision of each record is kept in an index of its own, too. */
  latest?: boolean;
  /** The aliases of those that `check` looks at. */
  latestNames?: readonly string[];
  /** When documents expire, as `setup` and `check` see to it. */
  lifecycle?: Expiry;
}

interface ElasticsearchTools {
  log: Logger;
  /** Epoch milliseconds. */
  now: () => number;
  /** Milliseconds that the process lived through: what deadlines go by. */
  lived?: () => number;
  /** Streams whose records change. */
  changing?: ReadonlySet<string>;
  /** Called when something is tried again. */
  retried?: () => void;
}

/** What every write of one sink shares. */
interface Opened extends Writing {
  /** Whether changes go into a data stream of their own, too. */
  changes: boolean;
  /** Streams whose newest revisions are kept. */
  latest: ReadonlySet<string>;
  log: Logger;
}

export function openElasticsearch(settings: ElasticsearchSettings, tools: ElasticsearchTools): Sink {
  const opened = open(settings, tools);
  // Batches under way or given up: which of their documents arrived is not known, so a second write looks first.
  const begun = new Set<string>();
  const closed = new AbortController();
  let closing: Promise<void> | undefined;
  const either = (signal: AbortSignal) => AbortSignal.any([closed.signal, signal]);
  return {
    kind: 'elasticsearch',
    looksUp: true,
    async write(batch, signal) {
      signal.throwIfAborted();
      const name = JSON.stringify([batch.pipeline, batch.walk, batch.number]);
      const attempted = begun.has(name);
      begun.add(name);
      const ingested = new Date(opened.now()).toISOString();
      const rejections = await deliverAll(opened, batch.documents, { ingested, attempted, signal });
      if (opened.changes)
        await addChanges(opened, changesAmong(batch.documents, rejections, ingested), ingested, signal);
      if (opened.latest.size > 0) {
        const newest = newestAmong(batch.documents, opened.latest, rejections, ingested);
        for (const [alias, ofAlias] of newest) await keepNewest(opened, alias, ofAlias, signal);
      }
      begun.delete(name);
      return { rejections, receipt: null };
    },
    async recover(_pipeline, prepared, _committed, signal = closed.signal) {
      return { arrived: await recovered(opened, prepared, either(signal)) };
    },
    async *newest(query, given) {
      if (!opened.latest.has(query.stream)) return;
      // There they lie under the ids of their records.
      yield* storedIn({ ...opened, dataStream: latestOf(query), signal: either(given) }, query, () => undefined);
    },
    stored: (query, given) =>
      storedIn(
        { ...opened, dataStream: dataStreamOf(opened.limits.dataStreamType, query), signal: either(given) },
        query,
      ),
    beside: opened.changes
      ? (query, mend, given) => completeChanges(opened, query, { range: query.range }, { mend, signal: either(given) })
      : undefined,
    remove: (documents, given) => removeFrom({ ...opened, dataStream: 'its index', signal: either(given) }, documents),
    check: (signal) => check(opened.client, settings, signal),
    close: () => {
      closed.abort();
      closing ??= opened.client.close();
      return closing;
    },
  };
}

/** Loaded only here: it brings the field dictionary. */
async function check(
  client: EsClient,
  { dataStreams = [], streams = [], lifecycle, latest = false, latestNames = [] }: ElasticsearchSettings,
  signal: AbortSignal,
): Promise<CheckLine[]> {
  const { checkElasticsearch } = await import('./check.ts');
  return checkElasticsearch(
    client,
    { dataStreams, streams, lifecycle, latestNames: latest ? latestNames : [] },
    signal,
  );
}

function open(
  settings: ElasticsearchSettings,
  { log, now, lived = now, retried, changing }: ElasticsearchTools,
): Opened {
  const client = connectElasticsearch(settings);
  const concurrency = settings.concurrency ?? 2;
  return {
    client,
    limits: {
      dataStreamType: settings.dataStreamType ?? 'logs',
      maxBulkBytes: settings.maxBulkBytes ?? 5 * 1024 * 1024,
      maxBulkDocuments: settings.maxBulkDocuments ?? 1000,
    },
    concurrency,
    limit: pLimit(concurrency),
    newBackoff: backoffOf(`Elasticsearch at ${client.where}`, settings, log, lived, retried),
    changes: settings.changes ?? false,
    log,
    now,
    latest: settings.latest && changing !== undefined ? changing : new Set(),
  };
}

async function recovered(opened: Opened, prepared: Prepared[], signal: AbortSignal): Promise<Set<string>> {
  const wanted = new Map<string, { ids: string[]; of: Of }>();
  for (const entry of prepared.flatMap((batch) => batch.ids)) {
    const dataStream = dataStreamOf(opened.limits.dataStreamType, entry);
    const known = wanted.get(dataStream);
    if (known) known.ids.push(entry.id);
    else wanted.set(dataStream, { ids: [entry.id], of: entry });
  }
  const arrived = new Set<string>();
  for (const [dataStream, { ids, of }] of wanted) {
    const there = await lookUpUntilAnswered({ client: opened.client, dataStream, ids, signal }, opened.newBackoff());
    for (const id of there) arrived.add(id);
    // What the data stream has counts as delivered, so that the other writes are made up for first.
    if (opened.changes) await completeChanges(opened, of, { ids: [...there] }, { mend: true, signal });
    if (opened.latest.has(of.stream) && there.size > 0)
      await completeLatest(opened, { from: dataStream, of, ids: [...there], signal });
  }
  return arrived;
}
