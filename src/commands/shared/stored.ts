/** The state as it is on disk, for commands that look at it or mend it. */
import { usageError } from '../../api/errors.ts';
import { hasState } from '../../state/files.ts';
import { openState } from '../../state/sqlite.ts';
import type { StateStore } from '../../state/store.ts';
import type { CommandContext } from './command-context.ts';
import type { Cli } from './context.ts';
import { unknown } from './select.ts';

/** Throws when there is none: looking must not make one. */
export function existingState(cli: Cli, context: CommandContext, exclusive: boolean): StateStore {
  const { path } = context.config.state;
  if (!hasState(path)) {
    throw usageError(`there is no state in ${path} yet`, 'It is made by the first `sluice run` or `sluice backfill`.');
  }
  return openState({ ...context.state, now: cli.now, exclusive });
}

/** The pipelines that were named; all that the state knows when none was. */
export function storedPipelines(store: StateStore, names: string[] | undefined): string[] {
  const known = store.pipelines();
  for (const name of names ?? []) if (!known.includes(name)) throw unknown('pipeline in the state:', name, known);
  return names ?? known;
}
