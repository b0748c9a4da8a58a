/** Whether what the sink makes of documents by itself is there: copies of changes. */
import type { Beside, StoredQuery } from '../../api/sink.ts';
import type { Range } from '../../api/walk.ts';
import type { Pipeline } from '../pipeline.ts';

type Needs = Pick<Pipeline, 'registered' | 'source' | 'sink'>;

/** Undefined where it makes nothing. What is missing is looked for once more after a pause: it may have been on its way. */
export async function verifyBeside(
  pipeline: Needs,
  range: Range,
  pause: () => Promise<void>,
  signal: AbortSignal,
): Promise<Beside | undefined> {
  const query = queryOf(pipeline, range);
  const first = await pipeline.sink.beside?.(query, false, signal);
  if (first === undefined || first.missing === 0) return first;
  await pause();
  return pipeline.sink.beside?.(query, false, signal);
}

/** Makes what is missing; returns how much it was. */
export async function mendBeside(pipeline: Needs, range: Range, signal: AbortSignal): Promise<number> {
  const found = await pipeline.sink.beside?.(queryOf(pipeline, range), true, signal);
  return found?.missing ?? 0;
}

function queryOf({ registered: { stream }, source }: Needs, range: Range): StoredQuery {
  const names = { stream: stream.name, namespace: source.name };
  return stream.mode === 'windows' ? { ...names, range } : names;
}
