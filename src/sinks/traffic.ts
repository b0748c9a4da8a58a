/** What a sink was given, and how long it took to take it. */
import type { Batch, Written } from '../api/sink.ts';
import { createHistogram, type Histogram, observe } from '../system/histogram.ts';

export interface SinkTraffic {
  /** Seconds until a batch was durable, retries included. */
  readonly writes: Histogram;
  /** How long the last batch took. */
  lastMs: number | undefined;
  documents: number;
  bytes: number;
  /** Attempts of parts of a batch that were made again. */
  retries: number;
}

const WRITE_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

export function createSinkTraffic(): SinkTraffic {
  return { writes: createHistogram(WRITE_SECONDS), lastMs: undefined, documents: 0, bytes: 0, retries: 0 };
}

/** Writes, and counts what was written; what failed is not counted. */
export async function measured(traffic: SinkTraffic, batch: Batch, write: () => Promise<Written>): Promise<Written> {
  const startedAtMs = performance.now();
  const written = await write();
  traffic.lastMs = performance.now() - startedAtMs;
  observe(traffic.writes, traffic.lastMs / 1000);
  traffic.documents += batch.documents.length - written.rejections.length;
  for (const { json } of batch.documents) traffic.bytes += json.length;
  return written;
}
