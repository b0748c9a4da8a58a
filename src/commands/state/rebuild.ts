import type { StoredQuery } from '../../api/sink.ts';
import { type Rebuilt, rebuild } from '../../engine/rebuild.ts';
import { recover } from '../../engine/recover.ts';
import { showCount, showTime } from '../../observe/show.ts';
import { heldBy } from '../../sinks/stored.ts';
import { openCommand } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import type { CommonOptions } from '../shared/options.ts';
import { openPipelines, type Running } from '../shared/pipelines.ts';
import { chosenPlans } from '../shared/select.ts';

export interface RebuildOptions extends CommonOptions {
  stream?: string[];
  source?: string[];
}

const SAY_EVERY_MS = 5000;

/**
 * Takes the lock, and output folders as they are: the state that they belonged to is lost. Only adds to what a state knows,
 * so that one which is older than its output gets what it lacks.
 */
export async function rebuildState(cli: Cli, options: RebuildOptions): Promise<void> {
  const context = await openCommand(cli, options);
  const opened = openPipelines(context, (plans) => chosenPlans(plans, options), { adopt: true, halfRebuilt: true });
  try {
    for (const running of opened.running) {
      const done = await rebuilt(cli, running);
      if (options.json) cli.stdout.json({ pipeline: running.pipeline.name, ...done });
      else cli.stdout.line(`${running.pipeline.name}: ${said(done)}`);
    }
  } finally {
    await opened.close();
  }
  cli.stderr.line(
    'note: what no document tells is gone: unfinished backfills, rejected documents, records that waited for their detail. The next `sluice run` asks for each detail once, and ships what is new or changed.',
  );
}

async function rebuilt(cli: Cli, { pipeline }: Running): Promise<Rebuilt> {
  const { sink, registered, source, name } = pipeline;
  await recover(pipeline, cli.signal);
  const query: StoredQuery = { stream: registered.stream.name, namespace: source.name };
  let saidMs = cli.now();
  return rebuild(pipeline, heldBy(sink, { ...query, remembered: true }, cli.signal), ({ documents }) => {
    if (cli.now() - saidMs < SAY_EVERY_MS) return;
    saidMs = cli.now();
    cli.stderr.line(`${name}: ${showCount(documents)} documents read`);
  });
}

function said({ documents, foreign, records, newestMs }: Rebuilt): string {
  const others = foreign === 0 ? '' : `, ${showCount(foreign)} of them not of this version and left out`;
  const end = newestMs === undefined ? '' : `; the live edge goes on from ${showTime(newestMs)}`;
  return `${showCount(documents)} documents read${others}: ${showCount(records)} records entered${end}`;
}
