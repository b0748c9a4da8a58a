/** The rows of the sinks: each says itself what it can and cannot do. */
import { resolve } from 'node:path';
import { type BuildTools, openSink } from '../../engine/build.ts';
import { hasState } from '../../state/files.ts';
import { idOfState } from '../../state/sqlite.ts';
import type { CommandContext } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import { withPlaces } from '../shared/select.ts';
import { attempt, type CheckRow } from './row.ts';

export function checkSinks(cli: Cli, context: CommandContext): Promise<CheckRow[]> {
  const { tools } = context;
  const perSink = context.config.sinks.map(async (settings): Promise<CheckRow[]> => {
    const part = `sink ${settings.name}`;
    const rows: CheckRow[] = [];
    const failed = await attempt(part, 'reachable', cli.signal, async (signal) => {
      const sink = openSink(withPlaces(context, settings), { ...tools, owner: ownerIn(context) });
      try {
        rows.push(...(await sink.check(signal)).map((line) => ({ part, ...line })));
      } finally {
        await sink.close();
      }
      return '';
    });
    return failed.ok ? rows : [...rows, failed];
  });
  return Promise.all(perSink).then((rows) => rows.flat());
}

/** The state that files should belong to, without an id where it is still to be made; undefined where it cannot be read. */
function ownerIn({ state }: CommandContext): BuildTools['owner'] {
  try {
    const id = hasState(state.path) ? idOfState(state.path) : '';
    return id === undefined ? undefined : { state: id, path: resolve(state.path), adopt: false };
  } catch {
    return undefined; // the row of the state says why
  }
}
