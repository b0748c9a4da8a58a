/** The states of the sources that this instance owns, as one for the status page: each is asked for what is its own. */
import { usageError } from '../../api/errors.ts';
import type { StateStore } from '../../state/store.ts';

const NOT_HERE = 'jobs are not part of `coordination`';

/** `of` is a source's state; undefined where another instance has it. */
export function storesAsOne(
  of: (source: string) => StateStore | undefined,
  all: () => readonly StateStore[],
): StateStore {
  const ours = (source: string): StateStore => {
    const store = of(source);
    if (store === undefined) throw usageError(`another instance has ${source}`, 'Ask that one.');
    return store;
  };
  const sourceOf = (pipeline: string) => pipeline.split('/', 1)[0] as string;
  const refuse = (): never => {
    throw usageError(NOT_HERE, 'Widen `reading.lookback` of the source for history (docs/scaling.md).');
  };
  return {
    id: '',
    verify: () => {
      for (const store of all()) store.verify();
    },
    pipeline: (name) => ours(sourceOf(name)).pipeline(name),
    pipelines: () => all().flatMap((store) => store.pipelines()),
    addJob: refuse,
    jobs: () => [],
    setJob: refuse,
    turnJob: refuse,
    readings: () => [],
    rejections: (filter) => all().flatMap((store) => store.rejections(filter)),
    renameSource: refuse,
    message: () => undefined,
    setMessage: refuse,
    pauses: () => all().flatMap((store) => store.pauses()),
    setPause: (pause) => ours(pause.source).setPause(pause),
    endPause: (source, stream) => ours(source).endPause(source, stream),
    vacuum: refuse,
    close: () => {},
  };
}
