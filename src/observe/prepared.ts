/**
 * Whether what `sluice setup` prepared in each sink is of the version that runs: asked when `run` begins, and again every
 * hour, since somebody may run `setup` meanwhile. Beside the pipelines, which do not wait for it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../api/errors.ts';
import { type SinkConfig, sinkTypeOf } from '../sinks/registry.ts';
import { createParts, type Parts, reopened } from '../system/parts.ts';
import type { Logger } from './log.ts';

export interface PreparedWatch {
  /** Undefined where nobody could tell, or where nothing is prepared that could grow old. */
  isCurrent(sink: string): boolean | undefined;
  /** Resolves when nothing is asked any more. */
  stop(): Promise<void>;
}

const AGAIN_MS = 3_600_000;

/** A warning for each sink that is not prepared, and a line when it is again. The sinks know what will go to them. */
export function watchPrepared(
  sinks: readonly SinkConfig[],
  { log, parts = createParts() }: Pick<Tools, 'log'> & Partial<Tools>,
  everyMs = AGAIN_MS,
): PreparedWatch {
  const ends = new AbortController();
  const current = new Map<string, boolean>();
  const loops = sinks.map(async (sink) => {
    for (; !ends.signal.aborted; await sleep(everyMs, undefined, { signal: ends.signal, ref: false }).catch(() => {}))
      await look(sink, current, { log: log.child({ 'sluice.sink': sink.name }), parts }, ends.signal);
  });
  return {
    isCurrent: (sink) => current.get(sink),
    async stop() {
      ends.abort();
      await Promise.all(loops);
    },
  };
}

interface Tools {
  log: Logger;
  parts: Parts;
}

async function look(sink: SinkConfig, current: Map<string, boolean>, tools: Tools, signal: AbortSignal): Promise<void> {
  const { log } = tools;
  try {
    const line = await asked(sink, tools, signal);
    const before = current.get(sink.name);
    if (line === undefined) return void current.delete(sink.name);
    current.set(sink.name, line.ok);
    const said = `${line.what} of ${sink.name}: ${line.detail}`;
    if (!line.ok && before !== false) log.warn({ advice: line.advice }, said);
    if (line.ok && before === false) log.info(said);
  } catch (error) {
    // What is wrong with the sink is said by those who write to it.
    if (!signal.aborted) log.debug(`how ${sink.name} is prepared cannot be seen: ${messageOf(error)}`);
  }
}

/** What the connection of this question throws where nobody catches is the question's failure alone. */
function asked(sink: SinkConfig, tools: Tools, signal: AbortSignal) {
  const client = { ask: sinkTypeOf(sink.type)?.prepared, close() {} };
  const once = reopened(`sink "${sink.name}"`, () => client, tools);
  return once.call(async ({ ask }) => ask?.(sink, signal));
}
