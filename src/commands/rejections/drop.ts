/** `rejections drop`: gives rejected documents up, when a person says so. */
import { usageError } from '../../api/errors.ts';
import { plural } from '../../observe/show.ts';
import type { RejectionCause, StateStore } from '../../state/store.ts';
import { openCommand } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import type { CommonOptions } from '../shared/options.ts';
import { storedPipelines, withExistingState } from '../shared/stored.ts';

export interface DropOptions extends CommonOptions {
  pipeline?: string[];
  type?: string[];
  id?: string[];
  yes?: boolean;
}

/** Each one is logged up to so many; the state remembers all. */
const MOST_LOGGED = 100;

/** Takes no lock: it makes room for a running Sluice whose store is full. */
export async function dropRejections(cli: Cli, options: DropOptions): Promise<void> {
  const context = await openCommand(cli, options);
  const chosen = withExistingState(cli, context, (store) => choose(store, options));
  const count = chosen.reduce((sum, { rejections }) => sum + rejections.length, 0);
  if (count > 0 && !options.yes) await ask(cli, count);
  const dropped = withExistingState(cli, context, (store) =>
    chosen.map(({ pipeline, rejections }) => {
      for (const { key, id, type } of rejections.slice(0, MOST_LOGGED))
        context.log.warn({ key, id }, `${pipeline}: given up: ${type}`);
      return { pipeline, dropped: store.pipeline(pipeline).drop(rejections.map(({ id }) => id)) };
    }),
  );
  if (options.json) return void cli.stdout.json({ pipelines: dropped });
  if (count === 0) return void cli.stdout.line('no rejections fit, so nothing is dropped');
  for (const one of dropped) cli.stdout.line(`${one.pipeline}: ${plural(one.dropped, 'document')} given up`);
}

interface Chosen {
  pipeline: string;
  rejections: RejectionCause[];
}

function choose(store: StateStore, { pipeline: names, type, id }: DropOptions): Chosen[] {
  const all = storedPipelines(store, names).map((pipeline): Chosen => {
    const rejections: RejectionCause[] = [];
    store.pipeline(pipeline).eachRejection((one) => {
      const fits =
        (type?.includes(one.type) ?? true) && (id === undefined || id.includes(one.id) || id.includes(one.key));
      if (fits) rejections.push(one);
    });
    return { pipeline, rejections };
  });
  return all.filter(({ rejections }) => rejections.length > 0);
}

async function ask(cli: Cli, count: number): Promise<void> {
  const what = `${plural(count, 'document')} that no sink has taken will be gone for good`;
  if (cli.confirm === undefined)
    throw usageError(what, 'Give --yes as well. `sluice rejections list` and `show` say what they are.');
  if (!(await cli.confirm(`${what}. Drop ${count === 1 ? 'it' : 'them'}?`))) throw usageError('nothing is dropped');
}
