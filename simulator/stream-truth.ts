import { APEX_STREAM, type ApexCentral } from './apex-central/index.ts';
import type { Facts } from './attributes.ts';
import type { Truth, TruthText } from './detections/truth.ts';
import type { Queries } from './instaqueries/queries.ts';
import { resultRows } from './instaqueries/results.ts';
import type { Shelf } from './listed/collection.ts';
import { THINGS } from './listed/index.ts';
import type { RetrievedFiles } from './retrieved-files/files.ts';

/** What a perfect connector delivers, stream by stream. */

export const TRUTH_STREAMS: readonly string[] = [
  'cylance.detection',
  'cylance.instaquery',
  'cylance.instaquery_result',
  'cylance.retrieved_file',
  APEX_STREAM,
  ...THINGS.flatMap(({ stream, parts = [] }) => [stream, ...parts.flatMap((part) => part.stream ?? [])]),
];
/** One of these. */
export type TruthStream = string;

export interface StreamSummary {
  /** How many things there are, or were. */
  records: number;
  /** How many revisions of them there were so far. */
  revisions: number;
}

export interface StreamTruth {
  rows(stream: TruthStream): Generator<TruthText>;
  summary(stream: TruthStream): StreamSummary;
}

export function isTruthStream(name: string): boolean {
  return TRUTH_STREAMS.includes(name);
}

export function createStreamTruth(
  facts: Facts,
  detections: Truth,
  queries: Queries,
  files: RetrievedFiles,
  shelves: readonly Shelf[],
  apex: ApexCentral,
): StreamTruth {
  const { courses } = queries;

  /** Every state so far, and the deletion. */
  function* revisions(things: Queries | RetrievedFiles, kind: 'detail' | 'list'): Generator<TruthText> {
    for (let index = 0; index < things.count; index++) {
      const id = things.idOf(index);
      const { states, deleted } = things.courses.history(index);
      for (let step = 0; step < states; step++) {
        yield { id, ordinal: step + 1, kind, json: things.json(index, step) };
      }
      if (deleted) yield { id, ordinal: states + 1, kind: 'deleted', json: 'null' };
    }
  }

  function* giantRows(index: number): Generator<TruthText> {
    const { giant } = queries;
    const name = (JSON.parse(queries.json(index)) as { name: string }).name;
    const query = `,"Query":${JSON.stringify({ id: queries.idOf(index), name })}}`;
    for (let number = 0; giant && number < giant.count; number++) {
      const { key, json } = giant.record(number);
      yield { id: key, ordinal: 1, kind: 'detail', json: json.slice(0, -1) + query };
    }
  }

  /** The results in the last state so far: they are only ever added. */
  function* results(): Generator<TruthText> {
    for (let index = 0; index < queries.count; index++) {
      if (queries.isGiant(index)) yield* giantRows(index);
      else
        for (const row of resultRows(facts, queries.planOf(index), queries.stateOf(index)))
          yield { ...row, ordinal: 1, kind: 'detail' };
    }
  }

  const counted = ({ count, courses: { history } }: Queries | RetrievedFiles): StreamSummary => {
    let total = 0;
    for (let index = 0; index < count; index++) {
      const { states, deleted } = history(index);
      total += states + (deleted ? 1 : 0);
    }
    return { records: count, revisions: total };
  };

  const countedResults = (): StreamSummary => {
    let total = 0;
    for (let index = 0; index < queries.count; index++) total += queries.stateOf(index, courses.stepOf(index)).results;
    return { records: total, revisions: total };
  };

  const shelfOf = (stream: string) => shelves.find(({ streams }) => streams.includes(stream));
  const countedOnShelf = (shelf: Shelf, stream: string): StreamSummary => {
    const ids = new Set<string>();
    let total = 0;
    for (const { id } of shelf.rows(stream)) {
      ids.add(id);
      total++;
    }
    return { records: ids.size, revisions: total };
  };

  return {
    rows: (stream) => {
      const shelf = shelfOf(stream);
      if (shelf !== undefined) return shelf.rows(stream);
      if (stream === APEX_STREAM) return apex.rows();
      if (stream === 'cylance.detection') return detections.rows();
      if (stream === 'cylance.instaquery_result') return results();
      return stream === 'cylance.instaquery' ? revisions(queries, 'detail') : revisions(files, 'list');
    },
    summary: (stream) => {
      const shelf = shelfOf(stream);
      if (shelf !== undefined) return countedOnShelf(shelf, stream);
      if (stream === APEX_STREAM) return apex.summary();
      if (stream === 'cylance.instaquery_result') return countedResults();
      if (stream !== 'cylance.detection') return counted(stream === 'cylance.instaquery' ? queries : files);
      const totals = detections.summary();
      return { records: totals.detections, revisions: totals.revisions };
    },
  };
}
