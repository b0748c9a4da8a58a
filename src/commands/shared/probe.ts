/** Reads a little of a stream, for `check` and `sample`: nothing is shipped or remembered. */

import { SluiceError } from '../../api/errors.ts';
import { withoutSecrets } from '../../api/records/secrets.ts';
import type { Registered, StreamContext } from '../../api/stream.ts';
import type { Range, Walk } from '../../api/walk.ts';
import type { PipelinePlan } from '../../engine/build.ts';
import type { Config } from '../../engine/settings.ts';
import { type SinkConfig, sinkTypeOf } from '../../sinks/registry.ts';
import type { CommandContext } from './command-context.ts';

/** How long one answer may take. */
export const PROBE_MS = 10_000;

/** The config with short deadlines for a person who waits: a part that does not answer soon is reported. */
export function impatient(config: Config): Config {
  const deadlineMs = PROBE_MS * 0.8;
  const sources = config.sources.map((source) => ({
    ...source,
    http: { ...source.http, timeoutMs: Math.min(source.http.timeoutMs, deadlineMs) },
    retry: { ...source.retry, deadlineMs: Math.min(source.retry.deadlineMs, deadlineMs / 2) },
    reading: { ...source.reading, taskDeadlineMs: Math.min(source.reading.taskDeadlineMs, deadlineMs / 4) },
  }));
  const sinks = config.sinks.map((sink) => sinkTypeOf(sink.type)?.impatient(sink, deadlineMs) as SinkConfig);
  return { ...config, sources, sinks };
}

/** A few records are enough to look at; lists of parents are read whole. */
function pageSizeFor({ stream }: Registered, pageSize: number): number {
  return stream.mode === 'children' ? pageSize : Math.min(pageSize, 20);
}

export function streamContextFor(
  context: CommandContext,
  { source, registered, client }: PipelinePlan,
  signal: AbortSignal,
): StreamContext {
  return {
    client,
    source: registered.connector.facts(source),
    settings: { ...source.reading, pageSize: pageSizeFor(registered, source.reading.pageSize), settleAttempts: 2 },
    knownKeys: () => [],
    knownChild: () => undefined,
    openChildren: () => [],
    parents: source.parents[registered.stream.name] ?? [],
    noted: () => [],
    now: context.tools.now,
    priority: 'live',
    signal,
    log: context.log,
  };
}

/** How many children are looked at for records; a few, where one record is enough. */
const MOST_CHILDREN = 20;
const A_FEW_CHILDREN = 4;

/** The first records of the range, without secrets. Throws where children are there, and none can be read. */
export async function firstRecords(
  plan: PipelinePlan,
  streamContext: StreamContext,
  range: Range,
  count: number,
): Promise<unknown[]> {
  const { stream } = plan.registered;
  const walk: Walk = { id: 'probe', kind: 'live', range, once: true };
  const found = new Map<string, unknown>();
  let children = 0;
  let failed = 0;
  for await (const page of stream.pages(streamContext, walk, undefined)) {
    for (const record of page.records) keep(found, record, stream);
    if (page.child !== undefined) children++;
    if ((page.child?.failures ?? 0) > 0) failed++;
    const isEnough =
      stream.mode === 'children'
        ? children >= (count === 1 ? A_FEW_CHILDREN : MOST_CHILDREN)
        : page.accepted !== undefined;
    if (found.size >= count || isEnough) break;
  }
  if (failed > 0 && failed === children) {
    const advice = 'The warnings say why; `sluice run` reads them as soon as they can be read.';
    throw new SluiceError(`none of ${failed} children can be read for now`, { action: 'retry', advice });
  }
  return [...found.values()].slice(0, count);
}

/** Leaves out a record without a key, or odd in another way: `run` ships it as an error, and it says nothing about the stream. */
function keep(found: Map<string, unknown>, record: unknown, { key, secrets }: Registered['stream']): void {
  try {
    found.set(key(record), withoutSecrets(record, secrets));
  } catch {}
}
