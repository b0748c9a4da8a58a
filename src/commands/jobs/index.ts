/** `sluice jobs`: what is to be done, how far it is, and the switches for it. */
import type { Command } from 'commander';
import { usageError } from '../../api/errors.ts';
import { endWalks, type JobSwitch, switchJob } from '../../engine/jobs/control.ts';
import { isStateInUse } from '../../state/sqlite.ts';
import { openCommand } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import { type CommonOptions, withCommon } from '../shared/options.ts';
import { withExistingState } from '../shared/stored.ts';
import { type JobListOptions, listJobs } from './list.ts';

export function addJobs(program: Command, cli: Cli): void {
  const jobs = program.command('jobs').description('backfills: how far they are; pause, resume or cancel one');
  const list = jobs
    .command('list')
    .description('what is under way or waits, how far it is and what it waits for')
    .option('--all', 'also what is done or cancelled');
  withCommon(list).action((options: JobListOptions) => listJobs(cli, options));
  const about: Record<JobSwitch, string> = {
    pause: 'stop working on a job; what it has delivered stays, and `resume` goes on from there',
    resume: 'go on with a job that is paused',
    cancel: 'end a job for good; what it has delivered stays, and `sluice gaps` has what it did not read',
  };
  for (const to of ['pause', 'resume', 'cancel'] as const) {
    const command = jobs
      .command(to)
      .description(about[to])
      .argument('<id>', 'its number, as `sluice jobs list` has it');
    withCommon(command).action((id: string, options: CommonOptions) => turn(cli, id, to, options));
  }
}

async function turn(cli: Cli, text: string, to: JobSwitch, options: CommonOptions): Promise<void> {
  if (!/^\d{1,15}$/.test(text))
    throw usageError(`${JSON.stringify(text)} is no number of a job`, '`sluice jobs list` has them.');
  const context = await openCommand(cli, options);
  const job = withExistingState(cli, context, (store) => switchJob(store, Number(text), to));
  const inUse = isStateInUse(context.state);
  // Whoever holds the state ends the walks itself, behind the pages that they are at.
  if (to === 'cancel' && !inUse) withExistingState(cli, context, (store) => endWalks(store, job, cli.now()));
  if (options.json) return cli.stdout.json({ job: job.id, status: job.status, running: inUse });
  cli.stdout.line(`job ${job.id}: ${job.status}`);
  cli.stderr.line(whatNext(to, inUse));
}

function whatNext(to: JobSwitch, inUse: boolean): string {
  if (to === 'resume')
    return inUse
      ? 'the running Sluice goes on with it'
      : 'nothing runs now: `sluice run`, or `sluice backfill --resume`, goes on with it';
  if (inUse) return 'the running Sluice leaves it within seconds; what it has read is delivered';
  return to === 'pause' ? 'it stays as it is until `sluice jobs resume`' : '`sluice gaps` has what it did not read';
}
