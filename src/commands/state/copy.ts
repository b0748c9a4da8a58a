/** `sluice state backup`, `export` and `import`. */
import { showCount, showTime } from '../../observe/show.ts';
import { type StatePlace, secureFiles } from '../../state/files.ts';
import { importState } from '../../state/portable.ts';
import { openCommand } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import type { CommonOptions } from '../shared/options.ts';
import { requireState, withState } from '../shared/stored.ts';

type Copy = (place: StatePlace, target: string) => Promise<number>;

/** Takes no lock: a running Sluice is not disturbed. */
export async function copyState(cli: Cli, copy: Copy, target: string, options: CommonOptions): Promise<void> {
  const context = await openCommand(cli, options);
  requireState(context);
  secureFiles(context.state);
  const bytes = await copy(context.state, target);
  if (options.json) cli.stdout.json({ file: target, bytes });
  else cli.stdout.line(`${target}: the whole state, ${showCount(bytes)} bytes`);
}

/** Says where each pipeline goes on. */
export async function importedState(cli: Cli, source: string, options: CommonOptions): Promise<void> {
  const context = await openCommand(cli, options);
  const rows = await importState(context.state, source);
  withState(cli, context.state, (store) => {
    const pipelines = store.pipelines().map((name) => {
      const pipeline = store.pipeline(name);
      return { name, records: pipeline.counts().records, readToMs: pipeline.walk('live')?.range.toMs };
    });
    if (options.json) return cli.stdout.json({ state: context.config.state.path, id: store.id, rows, pipelines });
    for (const { name, records, readToMs } of pipelines) {
      const where = readToMs === undefined ? 'was never run' : `goes on at ${showTime(readToMs)}`;
      cli.stdout.line(`${name}: ${showCount(records)} records known; ${where}`);
    }
    cli.stderr.line('note: output of files belongs to the state: bring its folders along, and let the old Sluice rest');
  });
}
