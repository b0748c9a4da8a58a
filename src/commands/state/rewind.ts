import { usageError } from '../../api/errors.ts';
import { readTime, showTime } from '../../observe/show.ts';
import type { StateStore } from '../../state/store.ts';
import { openCommand } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import type { CommonOptions } from '../shared/options.ts';
import { storedPipelines, withExistingState } from '../shared/stored.ts';

export interface RewindOptions extends CommonOptions {
  to: string;
  pipeline?: string[];
}

/** The next `run` reads from that time on. Takes the lock: a walk under way would overwrite it. */
export async function rewindState(cli: Cli, options: RewindOptions): Promise<void> {
  const context = await openCommand(cli, options);
  const toMs = readTime('--to', options.to, cli.now()).ms;
  if (toMs > cli.now()) throw usageError(`--to ${showTime(toMs)} lies in the future`);
  const rewind = (store: StateStore) => {
    const names = storedPipelines(store, options.pipeline);
    const rewound = names.filter((name) => store.pipeline(name).rewind('live', toMs));
    if (options.json) cli.stdout.json({ rewound, to: new Date(toMs).toISOString() });
    else say(cli, names, rewound, toMs);
    warn(cli, store, rewound, toMs);
  };
  withExistingState(cli, context, rewind, true);
}

function say(cli: Cli, names: string[], rewound: string[], toMs: number): void {
  for (const name of names) {
    const done = `the next \`sluice run\` reads from ${showTime(toMs)} on; what is known is not sent again`;
    cli.stdout.line(`${name}: ${rewound.includes(name) ? done : 'was never run, so there is nothing to rewind'}`);
  }
}

/** The live edge does not go back beyond what was ever asked for. */
function warn(cli: Cli, store: StateStore, rewound: string[], toMs: number): void {
  for (const name of rewound) {
    const covered = store.pipeline(name).coveredFromMs();
    if (covered === undefined || toMs >= covered) continue;
    cli.stderr.line(
      `note: ${name} was never asked for what lies before ${showTime(covered)}; \`sluice backfill --from …\` fetches that`,
    );
  }
}
