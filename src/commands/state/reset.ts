import { SluiceError, usageError } from '../../api/errors.ts';
import { recover } from '../../engine/recover.ts';
import { sinkTypeOf } from '../../sinks/registry.ts';
import { type CommandContext, openCommand } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import type { CommonOptions } from '../shared/options.ts';
import { type Opened, openPipelines } from '../shared/pipelines.ts';
import { storedPipelines, withExistingState } from '../shared/stored.ts';

export interface ResetOptions extends CommonOptions {
  pipeline?: string[];
  all?: boolean;
  yes?: boolean;
}

/** Takes the lock: nothing may run meanwhile. */
export async function resetState(cli: Cli, options: ResetOptions): Promise<void> {
  const context = await openCommand(cli, options);
  if (options.pipeline === undefined && !options.all) throw usageError('say which: --pipeline <name...> or --all');
  const wanted = options.all ? undefined : options.pipeline;
  const names = withExistingState(cli, context, (store) => storedPipelines(store, wanted));
  if (!options.yes) {
    const advice = 'Give --yes as well. Sinks keep what they have: it will be there twice.';
    throw usageError(`this forgets what was delivered by ${names.join(', ')}, which is then delivered again`, advice);
  }
  const opened = openPipelines(context, undefined, { anyTenant: true, halfRebuilt: true });
  try {
    for (const name of names) await forget(context, opened, name);
  } finally {
    await opened.close();
  }
  if (options.json) cli.stdout.json({ reset: names });
  else cli.stdout.line(`forgotten: ${names.join(', ')}`);
}

/**
 * `recover` cuts open segments to what was committed and finishes them, which nobody can do without the state. Files that are
 * gone, or another state's, do not stop a reset: they are often the reason for it.
 */
async function forget(context: CommandContext, { store, running }: Opened, name: string): Promise<void> {
  const one = running.find(({ plan }) => plan.name === name);
  const sink = context.config.sinks.find((each) => each.name === one?.plan.sinkName);
  if (one !== undefined && sinkTypeOf(sink?.type)?.endsOnRecover) {
    await recover(one.pipeline).catch((error: unknown) => {
      if (!(error instanceof SluiceError) || error.action !== 'stop') throw error;
      context.log.warn(`${name}: its files stay as they are: ${error.message}`);
    });
  }
  store.pipeline(name).reset();
}
