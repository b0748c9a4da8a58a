/** `rejections show`: a document as the sink refused it, why, and what to do. */
import { usageError } from '../../api/errors.ts';
import { showTime } from '../../observe/show.ts';
import { causeOf } from '../../sinks/causes.ts';
import type { RejectionCause } from '../../state/store.ts';
import { openCommand } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import type { CommonOptions } from '../shared/options.ts';
import { storedPipelines, withExistingState } from '../shared/stored.ts';

export interface ShowRejectionOptions extends CommonOptions {
  pipeline?: string[];
}

interface Shown extends RejectionCause {
  pipeline: string;
  document: string;
}

export async function showRejection(cli: Cli, name: string, options: ShowRejectionOptions): Promise<void> {
  const context = await openCommand(cli, options);
  withExistingState(cli, context, (store) => {
    const found = storedPipelines(store, options.pipeline).flatMap((pipeline) =>
      store
        .pipeline(pipeline)
        .rejectionsNamed(name)
        .map((rejection) => ({ pipeline, ...rejection })),
    );
    if (found.length === 0)
      throw usageError(
        `no rejected document has the id or key ${JSON.stringify(name)}`,
        'See `sluice rejections list --all`.',
      );
    for (const one of found) print(cli, one, options.json ?? false);
  });
}

function print({ stdout }: Cli, { document, atMs, ...row }: Shown, json: boolean): void {
  const { name: cause, suggestion } = causeOf(row);
  const content = JSON.parse(document) as unknown;
  if (json)
    return void stdout.json({
      ...row,
      field: row.field ?? null,
      at: new Date(atMs).toISOString(),
      cause,
      suggestion,
      document: content,
    });
  stdout.lines([
    `${row.pipeline}, key ${row.key}, id ${row.id}`,
    `refused ${showTime(atMs)}: ${cause}${row.field === undefined ? '' : ` (${row.field})`}`,
    `${row.type}: ${row.reason}`,
    `→ ${suggestion}`,
  ]);
  stdout.json(content, 2);
}
