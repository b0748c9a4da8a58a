/** `rejections replay`: another try, once the cause is mended. */
import { plural } from '../../observe/show.ts';
import { openCommand } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import type { CommonOptions } from '../shared/options.ts';
import { openPipelines } from '../shared/pipelines.ts';
import { type Replayed, replay } from '../shared/replay.ts';
import { storedPipelines, withExistingState } from '../shared/stored.ts';

export interface ReplayOptions extends CommonOptions {
  pipeline?: string[];
}

export async function replayRejections(cli: Cli, options: ReplayOptions): Promise<void> {
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
