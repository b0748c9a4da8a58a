import { usageError } from '../../api/errors.ts';
import { build } from '../../engine/build.ts';
import { readTime, showCount, showDuration, showTime } from '../../observe/show.ts';
import { type CommandContext, openCommand } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import type { CommonOptions } from '../shared/options.ts';
import { storedPipelines, withExistingState } from '../shared/stored.ts';

export interface CompactOptions extends CommonOptions {
  olderThan?: string;
  pipeline?: string[];
}

/** Takes the lock: nothing may run meanwhile. */
export async function compactState(cli: Cli, options: CompactOptions): Promise<void> {
  const context = await openCommand(cli, options);
  const beforeMs =
    options.olderThan === undefined ? undefined : readTime('--older-than', options.olderThan, cli.now()).ms;
  const looksBack = beforeMs === undefined ? new Map() : looksBackOf(context, cli.now() - beforeMs);
  const compact: Parameters<typeof withExistingState<void>>[2] = (store) => {
    const done = storedPipelines(store, options.pipeline).map((pipeline) => {
      const may = beforeMs !== undefined && looksBack.has(pipeline);
      return { pipeline, ...(may ? store.pipeline(pipeline).forget(beforeMs) : { records: 0, untilMs: null }) };
    });
    store.vacuum();
    if (options.json) return cli.stdout.json({ compacted: done });
    for (const { pipeline, records, untilMs } of done) cli.stdout.line(`${pipeline}: ${said(records, untilMs)}`);
  };
  withExistingState(cli, context, compact, true);
}

function said(records: number, untilMs: number | null): string {
  if (untilMs === null) return 'nothing is forgotten';
  return `${showCount(records)} records from before ${showTime(untilMs)} are forgotten; that time is not read again`;
}

/**
 * The pipelines that may forget: those that read by ranges of time. A list that is read whole has its oldest records each
 * time. Throws where a sweep reaches back further than what is to be remembered: changes of that time would be missed.
 */
function looksBackOf({ config, tools }: CommandContext, keptMs: number): Map<string, true> {
  const { plans } = build(config, tools, false);
  const may = new Map<string, true>();
  for (const { name, registered, source } of plans) {
    if (registered.stream.mode !== 'windows') continue;
    const { lookbackMs, sweeps } = source.reading;
    const reachMs = Math.max(lookbackMs, ...sweeps.map(({ rangeMs }) => rangeMs));
    if (keptMs < reachMs)
      throw usageError(
        `--older-than is less than what ${name} looks back over (${showDuration(reachMs)})`,
        'Changes and deletions of that time would be missed: choose a longer time, or shorter sweeps in the config.',
      );
    may.set(name, true);
  }
  return may;
}
