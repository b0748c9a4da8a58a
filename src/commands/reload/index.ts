/** `sluice reload`: has the running Sluice take over the config as it is now. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { stopError, usageError } from '../../api/errors.ts';
import { isStateInUse } from '../../state/sqlite.ts';
import type { StateStore } from '../../state/store.ts';
import { openCommand } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import { type CommonOptions, withCommon } from '../shared/options.ts';
import { requireState, withState } from '../shared/stored.ts';
import { answerTo, askForReload, type ReloadAnswer } from './messages.ts';

const LOOK_MS = 200;
/** A write under way has 8 s; then everything is opened anew. */
const PATIENCE_MS = 60_000;

export function addReload(program: Command, cli: Cli): void {
  const command = program
    .command('reload')
    .description('have the running Sluice take over the config as it is now; nothing is lost, and nothing sent twice');
  withCommon(command).action((options: CommonOptions) => reload(cli, options));
}

/** A config that this process finds wrong is not even asked for. */
async function reload(cli: Cli, options: CommonOptions): Promise<void> {
  const context = await openCommand(cli, options);
  requireState(context);
  if (!isStateInUse(context.state))
    throw usageError(
      `no Sluice is running with the state in ${context.config.state.path}`,
      'The next `sluice run` reads the config as it is then. Another state (`state.path`) takes a restart.',
    );
  const withStore = <T>(work: (store: StateStore) => T) => withState(cli, context.state, work);
  const id = withStore(askForReload);
  const answer = await answered(cli, () => withStore((store) => answerTo(store, id)));
  if (answer === undefined)
    throw stopError(
      `the running Sluice has not answered within ${PATIENCE_MS / 1000} s`,
      'Is it `sluice run`? A backfill, and `run --once`, read their config once. Its log says more.',
    );
  if (!answer.taken)
    throw stopError(`the config is not taken over: ${answer.message}`, 'Everything goes on as before.');
  if (options.json) cli.stdout.json(answer);
  else cli.stdout.line(answer.message);
}

async function answered(cli: Cli, look: () => ReloadAnswer | undefined): Promise<ReloadAnswer | undefined> {
  for (let left = PATIENCE_MS; left > 0 && !cli.signal.aborted; left -= LOOK_MS) {
    const answer = look();
    if (answer !== undefined) return answer;
    await sleep(LOOK_MS, undefined, { signal: cli.signal }).catch(() => {});
  }
  return undefined;
}
