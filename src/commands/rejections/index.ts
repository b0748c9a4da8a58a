/** `sluice rejections`: documents that a sink refused for good: why, what they are, and what becomes of them. */
import type { Command } from 'commander';
import type { Cli } from '../shared/context.ts';
import { whole, withCommon } from '../shared/options.ts';
import { type DropOptions, dropRejections } from './drop.ts';
import { type ListOptions, listRejections } from './list.ts';
import { type ReplayOptions, replayRejections } from './replay.ts';
import { type ShowRejectionOptions, showRejection } from './show.ts';

export function addRejections(program: Command, cli: Cli): void {
  const rejections = program.command('rejections').description('documents that a sink refused because of the document');
  const list = rejections
    .command('list')
    .description('what was refused, and why: by cause and field, with what to do')
    .option('--pipeline <name...>', 'only of these pipelines')
    .option('--all', 'a row for each document')
    .option('--limit <n>', 'at most so many', whole(1), 100)
    .option('--documents', 'a row for each, with the documents (JSON only)');
  withCommon(list).action((options: ListOptions) => listRejections(cli, options));
  const show = rejections
    .command('show')
    .description('a document as it was refused, the reason, and what to do')
    .argument('<id|key>', 'the id of the document, or the key of its record')
    .option('--pipeline <name...>', 'only of these pipelines');
  withCommon(show).action((name: string, options: ShowRejectionOptions) => showRejection(cli, name, options));
  const again = rejections
    .command('replay')
    .description('send them again, once the cause is mended')
    .option('--pipeline <name...>', 'only of these pipelines');
  withCommon(again).action((options: ReplayOptions) => replayRejections(cli, options));
  const drop = rejections
    .command('drop')
    .description('give them up for good; the state remembers which')
    .option('--pipeline <name...>', 'only of these pipelines')
    .option('--type <type...>', 'only what the sink calls so')
    .option('--id <id|key...>', 'only these')
    .option('--yes', 'yes, drop');
  withCommon(drop).action((options: DropOptions) => dropRejections(cli, options));
}
