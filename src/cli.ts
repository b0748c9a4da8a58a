/** The command line: which commands there are, how errors are shown, and which exit code they lead to. */
import { Command, CommanderError } from 'commander';
import { isAbort, messageOf, SluiceError } from './api/errors.ts';
import { stackLines } from './api/inert.ts';
import { addBackfill } from './commands/backfill/index.ts';
import { addCheck } from './commands/check/index.ts';
import { addConfig } from './commands/config.ts';
import { addDemo } from './commands/demo/index.ts';
import { addHealth } from './commands/health.ts';
import { addInit } from './commands/init/index.ts';
import { addJobs } from './commands/jobs/index.ts';
import { addLoad } from './commands/load/index.ts';
import { addPause, addResume } from './commands/pause.ts';
import { addPlan } from './commands/plan/index.ts';
import { addGaps } from './commands/proof/gaps.ts';
import { addLedger } from './commands/proof/ledger.ts';
import { addRecord } from './commands/record/index.ts';
import { addRejections } from './commands/rejections/index.ts';
import { addReload } from './commands/reload/index.ts';
import { addRemap } from './commands/remap/index.ts';
import { addReport } from './commands/report/index.ts';
import { addRun } from './commands/run.ts';
import { addSample } from './commands/sample.ts';
import { addSetup } from './commands/setup/index.ts';
import type { Cli, Context } from './commands/shared/context.ts';
import { addSimulator } from './commands/simulator.ts';
import { addState } from './commands/state/index.ts';
import { addStatus } from './commands/status/index.ts';
import { addStreams } from './commands/streams.ts';
import { addVerify } from './commands/verify/index.ts';
import { openOutput, openTerminal } from './observe/output.ts';
import { createRedactor } from './redaction/redactor.ts';

const OK = 0;
const FAILURE = 1;
const USAGE = 2;

/** In the order of `--help`. */
const COMMANDS = [
  addDemo,
  addCheck,
  addRun,
  addStatus,
  addReload,
  addPlan,
  addBackfill,
  addJobs,
  addPause,
  addResume,
  addSample,
  addStreams,
  addState,
  addLedger,
  addGaps,
  addVerify,
  addReport,
  addRejections,
  addRemap,
  addSetup,
  addLoad,
  addConfig,
  addInit,
  addHealth,
  addRecord,
  addSimulator,
];

/** Runs what the arguments ask for, and sets the exit code. */
export async function runCli(context: Context): Promise<void> {
  const cli = cliOf(context);
  let code = OK;
  const program = programOf({ ...cli, setExitCode: (wanted) => (code = wanted) });
  try {
    await program.parseAsync(context.argv, { from: 'user' });
  } catch (error) {
    code = report(error, cli);
  }
  context.setExitCode(code);
}

/** What a command writes passes through here, whatever it is. */
function cliOf(context: Context): Cli {
  const redactor = context.redactor ?? createRedactor();
  const stdout = openOutput(context.stdout, redactor);
  const stderr = openOutput(context.stderr, redactor);
  return { ...context, redactor, stdout, stderr, terminal: openTerminal(context.stderr) };
}

/** All commands with their options, for the docs and for tests; `cli` is what their actions use. */
export function programOf(cli: Cli): Command {
  const program = new Command('sluice')
    .description('Ships endpoint-security records from vendor APIs to Elasticsearch and files as ECS documents.')
    .version(cli.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .addHelpText('after', '\nNew here? `sluice demo` needs no account and no config.')
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: cli.stdout.page,
      writeErr: cli.stderr.page,
      getOutHelpWidth: () => Math.min(cli.columns, 120),
      getErrHelpWidth: () => Math.min(cli.columns, 120),
    });
  for (const add of COMMANDS) add(program, cli);
  return program;
}

/** One clear message, what to do about it, and never a secret. */
function report(error: unknown, cli: Cli): number {
  if (error instanceof CommanderError) return commanderCode(error, cli);
  const known = error instanceof SluiceError;
  const stopped = isAbort(error) && cli.signal.aborted;
  const message = stopped ? 'stopped by a signal' : messageOf(error);
  const bug = 'This should not happen: please report it with the output of the same command and `--log-level debug`.';
  const advice = known ? error.advice : stopped ? undefined : bug;
  const lines = known && error.lines !== undefined ? error.lines : [message];
  cli.stderr.lines(lines.map((line, index) => (index === 0 ? `error: ${line}` : line)));
  if (advice !== undefined) cli.stderr.line(`→ ${advice}`);
  if (wantsStack(cli.argv) && error instanceof Error) cli.stderr.lines(stackLines(withCauses(error)));
  return known && error.kind === 'usage' ? USAGE : FAILURE;
}

/** Commander has written its message already. */
function commanderCode(error: CommanderError, cli: Cli): number {
  if (error.exitCode === 0) return OK;
  const asked = cli.argv.find((argument) => !argument.startsWith('-'));
  const command = COMMANDS.some((add) => add.name.slice(3).toLowerCase() === asked) ? ` ${asked}` : '';
  if (error.code !== 'commander.help') cli.stderr.line(`→ See \`sluice${command} --help\`.`);
  return USAGE;
}

function wantsStack(argv: readonly string[]): boolean {
  return /--log-level[= ](debug|trace)\b/.test(argv.join(' '));
}

function withCauses(error: Error): string {
  const stack = error.stack ?? error.message;
  return error.cause instanceof Error ? `${stack}\ncaused by ${withCauses(error.cause)}` : stack;
}
