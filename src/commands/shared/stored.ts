/** The state as it is on disk, for commands that look at it or mend it. */
import { usageError } from '../../api/errors.ts';
import { hasState, type StatePlace } from '../../state/files.ts';
import { openState } from '../../state/sqlite.ts';
import type { StateStore } from '../../state/store.ts';
import type { CommandContext } from './command-context.ts';
import type { Cli } from './context.ts';
import { unknown } from './select.ts';

type Work<T> = (store: StateStore) => T;

/** What `work` returns for the state. Throws when there is none: looking must not make one. */
export function withExistingState<T>(cli: Cli, context: CommandContext, work: Work<T>, exclusive = false): T {
  requireState(context);
  return withState(cli, context.state, work, exclusive);
}

/** Throws when there is no state. */
export function requireState({ config, state }: CommandContext): void {
  const { path } = config.state;
  if (state.elsewhere !== undefined) throw state.elsewhere;
  if (!hasState(path))
    throw usageError(`there is no state in ${path} yet`, 'It is made by the first `sluice run` or `sluice backfill`.');
}

/** `exclusive` takes the lock. */
export function withState<T>(cli: Cli, place: StatePlace, work: Work<T>, exclusive = false): T {
  const store = openState({ ...place, now: cli.now, exclusive });
  try {
    return work(store);
  } finally {
    store.close();
  }
}

/** The pipelines that were named; all that the state knows when none was. */
export function storedPipelines(store: StateStore, names: string[] | undefined): string[] {
  const known = store.pipelines();
  for (const name of names ?? []) if (!known.includes(name)) throw unknown('pipeline in the state:', name, known);
  return names ?? known;
}
