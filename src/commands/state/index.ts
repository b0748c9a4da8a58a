/** `sluice state`: look at what is remembered, forget it, or have a time read again. */
import type { Command } from 'commander';
import { backupState } from '../../state/backup.ts';
import { exportState } from '../../state/portable.ts';
import type { Cli } from '../shared/context.ts';
import { type CommonOptions, whole, withCommon } from '../shared/options.ts';
import { type CompactOptions, compactState } from './compact.ts';
import { type ConfirmOptions, confirmState } from './confirm.ts';
import { copyState, importedState } from './copy.ts';
import { type RebuildOptions, rebuildState } from './rebuild.ts';
import { renameSource } from './rename.ts';
import { type ResetOptions, resetState } from './reset.ts';
import { type RewindOptions, rewindState } from './rewind.ts';
import { type ShowOptions, showState } from './show.ts';

export function addState(program: Command, cli: Cli): void {
  const state = program.command('state').description('look at what was delivered, forget it, or read a time again');
  const show = state
    .command('show')
    .description('per pipeline: counts, walks, the last windows; and jobs')
    .option('--pipeline <name...>', 'only these pipelines')
    .option('--ledger <n>', 'how many of the last windows', whole(0), 5);
  withCommon(show).action((options: ShowOptions) => showState(cli, options));
  const reset = state
    .command('reset')
    .description('forget everything about a pipeline: what is in its range is delivered again')
    .option('--pipeline <name...>', 'these pipelines')
    .option('--all', 'every pipeline')
    .option('--yes', 'yes, forget');
  withCommon(reset).action((options: ResetOptions) => resetState(cli, options));
  const rewind = state
    .command('rewind')
    .description('let the live edge read again from a time on; what is known is not sent twice')
    .requiredOption('--to <time>', 'ISO time, date (UTC) or age (30d, 24h)')
    .option('--pipeline <name...>', 'only these pipelines');
  withCommon(rewind).action((options: RewindOptions) => rewindState(cli, options));
  const confirm = state
    .command('confirm')
    .description('say that a list which is suddenly empty or much shorter is right: what it lost is told as deleted')
    .requiredOption('--pipeline <name...>', 'these pipelines; `sluice state show` says which have an alarm');
  withCommon(confirm).action((options: ConfirmOptions) => confirmState(cli, options));
  const backup = state
    .command('backup')
    .description('copy the state into one file while it is in use; put back as `state.db` it goes on from there')
    .argument('<file>', 'a new file');
  withCommon(backup).action((file: string, options: CommonOptions) => copyState(cli, backupState, file, options));
  const exported = state
    .command('export')
    .description('write the state as lines of JSON, for `import`')
    .argument('<file>', 'a new file; compressed if its name ends in .zst');
  withCommon(exported).action((file: string, options: CommonOptions) => copyState(cli, exportState, file, options));
  const imported = state
    .command('import')
    .description('make the state of an exported one, where there is none yet')
    .argument('<file>', 'what `export` wrote');
  withCommon(imported).action((file: string, options: CommonOptions) => importedState(cli, file, options));
  const renamed = state
    .command('rename')
    .description('give a source another name without reading or shipping anything again')
    .argument('<old>', 'its name in the state')
    .argument('<new>', 'the name that it gets');
  withCommon(renamed).action((from: string, to: string, options: CommonOptions) =>
    renameSource(cli, from, to, options),
  );
  const compact = state
    .command('compact')
    .description('give free room back to the disk; forget old records on request')
    .option('--older-than <age>', 'forget records from before that time for good, e.g. 400d')
    .option('--pipeline <name...>', 'only these pipelines');
  withCommon(compact).action((options: CompactOptions) => compactState(cli, options));
  const rebuild = state
    .command('rebuild')
    .description('make a lost state anew from what the sinks hold, so that nothing is shipped again')
    .option('--stream <name...>', 'only these streams')
    .option('--source <name...>', 'only these sources');
  withCommon(rebuild).action((options: RebuildOptions) => rebuildState(cli, options));
}
