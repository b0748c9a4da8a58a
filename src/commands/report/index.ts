/** `sluice report`: what arrived of a time, as a page for people who were not there. */
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { usageError } from '../../api/errors.ts';
import { build } from '../../engine/build.ts';
import { showTime } from '../../observe/show.ts';
import { openNewFile } from '../../system/private-files.ts';
import { openCommand } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import { type CommonOptions, withCommon } from '../shared/options.ts';
import { readRange } from '../shared/range.ts';
import { knownPlans } from '../shared/select.ts';
import { withExistingState } from '../shared/stored.ts';
import { reportOf } from './data.ts';
import { pageOf, type ReportFacts } from './page.ts';

interface ReportOptions extends CommonOptions {
  from: string;
  to?: string;
  stream?: string[];
  source?: string[];
  output: string;
}

export function addReport(program: Command, cli: Cli): void {
  const command = program
    .command('report')
    .description('write a page about a time: what the vendor had, what arrived and when, gaps, rejections, deletions')
    .option('--from <time>', 'where it begins: ISO time, date (UTC) or age', '7d')
    .option('--to <time>', 'where it ends (default: now)')
    .option('--stream <name...>', 'only these streams')
    .option('--source <name...>', 'only these sources')
    .option('-o, --output <file>', 'a new file, for your user alone', 'sluice-report.html');
  withCommon(command).action((options: ReportOptions) => report(cli, options));
}

/** Takes no lock, and asks nobody but the state. */
async function report(cli: Cli, options: ReportOptions): Promise<void> {
  const range = readRange(options.from, options.to, cli.now());
  const context = await openCommand(cli, options);
  const { output } = options;
  if (!options.json && existsSync(output))
    throw usageError(`there is a file ${output} already`, 'Name another one with --output.');
  const built = build(context.config, context.tools, false);
  const facts = withExistingState(cli, context, (store): ReportFacts => {
    const pipelines = knownPlans(built.plans, options, store).map((plan) =>
      reportOf(plan, store.pipeline(plan.name), range, cli.now()),
    );
    return { range, madeAtMs: cli.now(), version: cli.version, state: store.id, pipelines };
  });
  await built.close();
  if (options.json) return cli.stdout.json(facts);
  const file = await openNewFile(output, context.state);
  try {
    await file.writeFile(pageOf(facts));
  } finally {
    await file.close();
  }
  cli.stdout.line(`${output}: ${showTime(range.fromMs)} to ${showTime(range.toMs)}`);
}
