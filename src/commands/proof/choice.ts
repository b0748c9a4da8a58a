/** Which pipelines and which time a command about the ledger looks at. */
import type { Range } from '../../api/walk.ts';
import { build, type PipelinePlan } from '../../engine/build.ts';
import { readTime } from '../../observe/show.ts';
import type { PipelineState, StateStore } from '../../state/store.ts';
import { type CommandContext, openCommand } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import type { CommonOptions } from '../shared/options.ts';
import { inOrder } from '../shared/range.ts';
import { chosenPlans } from '../shared/select.ts';
import { withExistingState } from '../shared/stored.ts';

export interface RangeOptions extends CommonOptions {
  from?: string;
  to?: string;
  stream?: string[];
  source?: string[];
}

export interface Chosen {
  name: string;
  source: string;
  stream: string;
  plan: PipelinePlan;
  state: PipelineState;
}

export interface AskedRange {
  /** Undefined: from the oldest time that was asked for. */
  fromMs: number | undefined;
  toMs: number;
  nowMs: number;
}

/** What `work` makes of the chosen pipelines. Takes no lock: a running Sluice goes on. */
export async function withChosen<T>(
  cli: Cli,
  options: RangeOptions,
  work: (chosen: Chosen[], range: AskedRange, context: CommandContext, store: StateStore) => T,
): Promise<T> {
  const context = await openCommand(cli, options);
  const range = askedRange(options, cli.now());
  const plans = chosenPlans(build(context.config, context.tools, false).plans, options);
  return withExistingState(cli, context, (store) => {
    const chosen = plans.map((plan) => {
      const { name, source, registered } = plan;
      return { name, source: source.name, stream: registered.stream.name, plan, state: store.pipeline(name) };
    });
    return work(chosen, range, context, store);
  });
}

function askedRange({ from, to }: RangeOptions, nowMs: number): AskedRange {
  const fromMs = from === undefined ? undefined : readTime('--from', from, nowMs).ms;
  const toMs = to === undefined ? nowMs : readTime('--to', to, nowMs).ms;
  if (fromMs !== undefined) inOrder({ fromMs, toMs });
  return { fromMs, toMs, nowMs };
}

/** The range within what was asked of this pipeline; undefined where nothing ever was. */
export function rangeFor({ state }: Chosen, { fromMs, toMs }: AskedRange): Range | undefined {
  const begin = fromMs ?? state.coveredFromMs();
  return begin === undefined || begin >= toMs ? undefined : { fromMs: begin, toMs };
}
