/** `sluice check`: what works and what is missing, without reading or writing anything to speak of. */
import type { Command } from 'commander';
import { build } from '../../engine/build.ts';
import { plural } from '../../observe/show.ts';
import { type CommandContext, openCommand } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import { type CommonOptions, withCommon } from '../shared/options.ts';
import { impatient } from '../shared/probe.ts';
import { healthRows } from './health.ts';
import { type CheckRow, print } from './row.ts';
import { sharedStateRows } from './shared-state.ts';
import { checkSinks } from './sinks.ts';
import { createDates } from './source-clock.ts';
import { checkSources } from './sources.ts';
import { stateRows } from './state.ts';

export function addCheck(program: Command, cli: Cli): void {
  const command = program
    .command('check')
    .description('try the config, every credential, stream and sink; says what is missing')
    .action((options: CommonOptions) => check(cli, options));
  withCommon(command);
}

async function check(cli: Cli, options: CommonOptions): Promise<void> {
  const context = await openCommand(cli, options);
  context.config = impatient(context.config);
  const dates = createDates(cli.now);
  const built = build(context.config, { ...context.tools, heard: dates.heard }, false);
  try {
    const [sources, sinks, state] = await Promise.all([
      checkSources(cli, context, built.plans, dates),
      checkSinks(cli, context),
      context.config.coordination === undefined ? stateRows(context) : sharedStateRows(context),
    ]);
    const health = await healthRows(context.config.health, state.isInUse);
    const rows = [configRow(context), ...state.rows, ...health, ...sources, ...sinks];
    print(cli, rows, options.json ?? false);
    if (rows.some(({ ok }) => !ok)) cli.setExitCode(1);
  } finally {
    await built.close();
  }
}

function configRow({ config, warnings }: CommandContext): CheckRow {
  const counts = `${plural(config.sources.length, 'source')}, ${plural(config.sinks.length, 'sink')}`;
  const detail = warnings.length === 0 ? counts : `${counts}, ${plural(warnings.length, 'warning')} (above)`;
  return { part: 'config', what: 'valid', ok: true, detail };
}
