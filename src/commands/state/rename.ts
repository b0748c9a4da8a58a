import { join } from 'node:path';
import { stopError, usageError } from '../../api/errors.ts';
import { plural } from '../../observe/show.ts';
import { sinkTypeOf } from '../../sinks/registry.ts';
import { rawFolder } from '../../state/raw/record.ts';
import { openState } from '../../state/sqlite.ts';
import type { StateStore } from '../../state/store.ts';
import { moveFolder } from '../../system/private-files.ts';
import { type CommandContext, openCommand } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import type { CommonOptions } from '../shared/options.ts';
import { unknown } from '../shared/select.ts';
import { requireState } from '../shared/stored.ts';

const NAME = /^[a-z0-9_]{1,100}$/;

/**
 * Takes the lock. Folders are moved first, and again does no harm: what is killed half-way is given once more. The rest is
 * one transaction.
 */
export async function renameSource(cli: Cli, from: string, to: string, options: CommonOptions): Promise<void> {
  const context = await openCommand(cli, options);
  const { config } = context;
  requireState(context);
  if (!NAME.test(to)) throw usageError(`"${to}" is no name`, 'Use lower case letters, digits and underscores.');
  if (from === to) throw usageError('both names are the same');
  const store = openState({ ...context.state, now: cli.now, exclusive: true });
  try {
    requireFree(store, from, to);
    for (const sink of config.sinks) await sinkTypeOf(sink.type)?.renameSource?.(sink as never, from, to);
    await moveFolder(join(rawFolder(config.state.path), from), join(rawFolder(config.state.path), to));
    const anew = config.sinks.filter(({ type }) => sinkTypeOf(type)?.remembersNames).map(({ name }) => name);
    const pipelines = store.renameSource(from, to, anew);
    if (options.json) cli.stdout.json({ from, to, pipelines });
    else say(cli, context, from, to, pipelines);
  } finally {
    store.close();
  }
}

function requireFree(store: StateStore, from: string, to: string): void {
  const sources = [...new Set(store.pipelines().map((name) => name.split('/', 1)[0] as string))];
  if (!sources.includes(from)) throw unknown('source in the state:', from, sources);
  for (const name of store.pipelines()) {
    const [source = '', stream = ''] = name.split('/');
    const state = store.pipeline(name);
    if (source === to && (state.walks().length > 0 || state.counts().records > 0))
      throw usageError(
        `the state knows a source "${to}" already, which has delivered ${name}`,
        `Choose another name; or forget that one: \`sluice state reset --pipeline ${name}\`.`,
      );
    if (source === from && state.prepared(stream as `${string}.${string}`, source).length > 0)
      throw stopError(
        `a batch of ${name} was being written when a process died, and only under its present name can be asked what arrived`,
        'Run `sluice run --once` with the present name first.',
      );
  }
}

function say(cli: Cli, { config }: CommandContext, from: string, to: string, pipelines: readonly string[]): void {
  cli.stdout.line(`${from} is ${to} now: ${plural(pipelines.length, 'pipeline')}, with all that is known of them`);
  if (config.sources.some(({ name }) => name === from))
    cli.stdout.line(`give the source this name in the config, too, before the next start: \`name: ${to}\``);
  for (const { name, type } of config.sinks) {
    if (type === 'ndjson')
      cli.stdout.line(`${name}: the folder of the source has the new name; its files are the same`);
    else
      cli.stdout.line(`${name}: what is shipped from now on goes under "${to}"; what is there stays (docs/state.md)`);
  }
}
