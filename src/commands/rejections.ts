/** `sluice rejections`: documents that a sink refused for good, and another try once the cause is mended. */
import type { Command } from 'commander';
import { plural, showTime } from '../observe/show.ts';
import type { RejectionRow } from '../state/store.ts';
import { openCommand } from './shared/command-context.ts';
import type { Cli } from './shared/context.ts';
import { type CommonOptions, whole, withCommon } from './shared/options.ts';
import { openPipelines } from './shared/pipelines.ts';
import { type Replayed, replay } from './shared/replay.ts';
import { storedPipelines, withExistingState } from './shared/stored.ts';
import { table } from './shared/table.ts';

interface RejectionOptions extends CommonOptions {
  pipeline?: string[];
  limit: number;
  documents?: boolean;
}

export function addRejections(program: Command, cli: Cli): void {
  const rejections = program.command('rejections').description('documents that a sink refused because of the document');
  const list = rejections
    .command('list')
    .description('what was refused, and why')
    .option('--pipeline <name...>', 'only of these pipelines')
    .option('--limit <n>', 'at most so many', whole(1), 100)
    .option('--documents', 'with the documents (JSON only)');
  withCommon(list).action((options: RejectionOptions) => listAll(cli, options));
  const again = rejections
    .command('replay')
    .description('send them again, once the cause is mended')
    .option('--pipeline <name...>', 'only of these pipelines');
  withCommon(again).action((options: RejectionOptions) => replayAll(cli, options));
}

async function listAll(cli: Cli, options: RejectionOptions): Promise<void> {
  const context = await openCommand(cli, options);
  withExistingState(cli, context, (store) => {
    const names = storedPipelines(store, options.pipeline);
    const rows = names.flatMap((pipeline) => store.rejections({ pipeline, limit: options.limit + 1 }));
    print(cli, rows.slice(0, options.limit), rows.length > options.limit, options);
  });
}

function print(cli: Cli, rows: RejectionRow[], more: boolean, { json, documents }: RejectionOptions): void {
  const { stdout } = cli;
  if (json) {
    for (const { document, atMs, ...row } of rows) {
      const whole = documents ? { document: JSON.parse(document) as unknown } : {};
      stdout.json({ ...row, at: new Date(atMs).toISOString(), ...whole });
    }
    return;
  }
  if (rows.length === 0) return void stdout.line('no rejections');
  const cells = rows.map((row) => [showTime(row.atMs), row.pipeline, row.key, row.type, row.field ?? '-', row.reason]);
  stdout.lines(table([['AT', 'PIPELINE', 'KEY', 'TYPE', 'FIELD', 'REASON'], ...cells]));
  if (more) stdout.line('there are more; --limit shows them');
}

async function replayAll(cli: Cli, options: RejectionOptions): Promise<void> {
  const context = await openCommand(cli, options);
  withExistingState(cli, context, () => {});
  const opened = openPipelines(context);
  const done: Replayed[] = [];
  const unknown: string[] = [];
  try {
    for (const name of storedPipelines(opened.store, options.pipeline)) {
      const one = opened.running.find(({ pipeline }) => pipeline.name === name);
      if (one === undefined) unknown.push(name);
      else done.push(await replay(one.pipeline, cli.signal));
    }
  } finally {
    await opened.close();
  }
  if (options.json) cli.stdout.json({ pipelines: done });
  else for (const line of done) cli.stdout.line(sentence(line));
  for (const name of unknown) cli.stderr.line(`${name}: not in the config; its rejections stay`);
  if (unknown.length > 0 || done.some(({ rejected }) => rejected > 0)) cli.setExitCode(1);
}

function sentence({ pipeline, accepted, rejected }: Replayed): string {
  if (accepted + rejected === 0) return `${pipeline}: no rejections`;
  const again = rejected === 0 ? '' : `; ${plural(rejected, 'document')} refused again, see \`sluice rejections list\``;
  return `${pipeline}: ${plural(accepted, 'document')} delivered${again}`;
}
