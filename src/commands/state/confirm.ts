import { confirmFew } from '../../engine/completeness/missing.ts';
import { showCount } from '../../observe/show.ts';
import { openCommand } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import type { CommonOptions } from '../shared/options.ts';
import { storedPipelines, withExistingState } from '../shared/stored.ts';

export interface ConfirmOptions extends CommonOptions {
  pipeline: string[];
}

/** Takes no lock: a running Sluice believes it at its next look. */
export async function confirmState(cli: Cli, options: ConfirmOptions): Promise<void> {
  const context = await openCommand(cli, options);
  withExistingState(cli, context, (store) => {
    const confirmed = storedPipelines(store, options.pipeline).map((name) => {
      const alarm = confirmFew(store.pipeline(name));
      return { pipeline: name, before: alarm?.before ?? null, total: alarm?.total ?? null };
    });
    if (options.json) cli.stdout.json({ confirmed });
    else for (const one of confirmed) cli.stdout.line(`${one.pipeline}: ${whatFollows(one)}`);
  });
}

function whatFollows({ before, total }: { before: number | null; total: number | null }): string {
  if (before === null || total === null) return 'there is no alarm, so there is nothing to confirm';
  return `its list has ${showCount(total)} records instead of ${showCount(before)}, and that is right: what is missing is told as deleted after two more looks`;
}
