/** `sluice status`: how every stream is. It asks the running `sluice run`; where none answers, it reads the state, and says so. */
import type { Command } from 'commander';
import { messageOf, stopError, usageError } from '../../api/errors.ts';
import type { Status } from '../../observe/status/model.ts';
import { placeOf } from '../health.ts';
import { type CommandContext, openCommand } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import { type CommonOptions, withCommon } from '../shared/options.ts';
import { statusFromState } from './state.ts';
import { linesOf, type Seen } from './text.ts';
import { watchStatus } from './watch.ts';

interface StatusOptions extends CommonOptions {
  url?: string;
  watch?: boolean;
  all?: boolean;
}

export function addStatus(program: Command, cli: Cli): void {
  const command = program
    .command('status')
    .description('how every source, stream, sink and job is; exit code 1 when something fails or has stopped')
    .option('--url <url>', 'where to ask (default: /api/status on health.port of the config)')
    .option('--watch', 'again every two seconds, until Ctrl-C')
    .option('--all', 'every walk, day and count, also of streams that are well');
  withCommon(command).action((options: StatusOptions) => status(cli, options));
}

async function status(cli: Cli, options: StatusOptions): Promise<void> {
  const context = await openCommand(cli, options);
  const look = () => lookAt(cli, context, options.url);
  const { json, all = false } = options;
  if (options.watch && json) throw usageError('--watch and --json exclude each other', 'Leave one of them out.');
  if (options.watch) return watchStatus(cli, look, (seen) => linesOf(seen, { all }));
  const seen = await look();
  if (json) cli.stdout.json(seen.status);
  else cli.stdout.lines(linesOf(seen, { all }));
  if (seen.status.state === 'failing' || seen.status.state === 'stopped') cli.setExitCode(1);
}

const TIMEOUT_MS = 5000;

async function lookAt(cli: Cli, context: CommandContext, given: string | undefined): Promise<Seen> {
  const url = given ?? placeOf(context.config, '/api/status');
  if (url === undefined)
    return {
      status: await statusFromState(cli, context),
      note: 'health.port is not set: this is what the state remembers',
    };
  try {
    return { status: await ask(cli, url) };
  } catch (error) {
    if (given !== undefined) throw error;
    return {
      status: await statusFromState(cli, context),
      note: `${messageOf(error)}: this is what the state remembers`,
    };
  }
}

async function ask(cli: Cli, url: string): Promise<Status> {
  if (!URL.canParse(url)) throw usageError(`--url ${JSON.stringify(url)} is no URL`);
  const signal = AbortSignal.any([cli.signal, AbortSignal.timeout(TIMEOUT_MS)]);
  const reply = await fetch(url, { signal, redirect: 'manual' }).catch((error: unknown) => {
    cli.signal.throwIfAborted();
    throw stopError(`no \`sluice run\` answers on ${url}`, 'Is it running with this config?', error);
  });
  const status = (await reply.json().catch(() => undefined)) as Partial<Status> | undefined;
  if (!reply.ok || !Array.isArray(status?.streams))
    throw stopError(`what answers on ${url} is no \`sluice run\``, 'Choose another health.port, or say --url.');
  return status as Status;
}
