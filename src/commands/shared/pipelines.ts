/** Pipelines with their state and statistics, ready to run. */
import { resolve } from 'node:path';
import { stopError, usageError } from '../../api/errors.ts';
import { type BuildTools, type Built, build, type PipelinePlan, toPipeline } from '../../engine/build.ts';
import type { Pipeline } from '../../engine/pipeline.ts';
import { isHalfRebuilt } from '../../engine/rebuild.ts';
import { createStatistics, noteSettled, observed, type Statistics } from '../../observe/statistics.ts';
import { everyMs } from '../../observe/status/facts.ts';
import { LONGEST_PAUSE_MS, learnQuiet } from '../../observe/status/quiet.ts';
import { openRawStore } from '../../state/raw/keep.ts';
import { openState } from '../../state/sqlite.ts';
import type { PipelineState, StateStore } from '../../state/store.ts';
import type { CommandContext } from './command-context.ts';

export interface Running {
  pipeline: Pipeline;
  plan: PipelinePlan;
  statistics: Statistics;
}

export interface Opened {
  built: Built;
  store: StateStore;
  running: Running[];
  /** `keepStore` leaves the state open, with its lock. */
  close(options?: { keepStore?: boolean }): Promise<void>;
}

/** Throws for the state of another tenant, whose records would read as deleted at this one. */
function ofItsTenant({ name, source }: PipelinePlan, state: PipelineState): PipelineState {
  const tenant = state.tenant(source.tenantId);
  if (tenant === source.tenantId) return state;
  throw usageError(
    `source "${source.name}" is tenant ${source.tenantId} now, but what is remembered for it is of tenant ${tenant}`,
    `Give the other tenant a source name of its own. To forget what is remembered: \`sluice state reset --pipeline ${name}\`.`,
  );
}

/** Records that a rebuild has not reached yet would be shipped again. */
function requireWholeRebuild(name: string, state: PipelineState): void {
  if (isHalfRebuilt(state))
    throw stopError(`the state of ${name} was not rebuilt to its end`, 'Begin again with `sluice state rebuild`.');
}

/** So many of the last windows are looked through for the newest that settled. */
const SETTLED_LOOK = 100;

interface OpenOptions {
  anyTenant?: boolean;
  adopt?: boolean;
  halfRebuilt?: boolean;
  /** The state, where it is open already; it stays so when the pipelines cannot be opened. */
  store?: StateStore;
}

/** What the state knows of a pipeline that has just been opened. */
export function remember(statistics: Statistics, plan: PipelinePlan, state: PipelineState): void {
  statistics.quiet = learnQuiet(Math.max(LONGEST_PAUSE_MS, 3 * everyMs(plan)));
  statistics.events.gaps(state.gaps());
  for (const row of state.ledger(SETTLED_LOOK)) {
    noteSettled(statistics, row, row.atMs);
    if (row.documents > 0) statistics.lastDocumentMs ??= row.atMs; // the newest comes first
  }
  const [newest] = plan.registered.stream.mode === 'windows' ? state.newestKeys(1) : [];
  if (newest !== undefined) statistics.newestMs = state.known(newest)?.timeMs ?? undefined;
}

/** Takes the state for itself; throws when another process has it. `adopt` takes output folders as they are; `halfRebuilt` a state that `state rebuild` is not done with. */
export function openPipelines(
  context: CommandContext,
  choose: (plans: PipelinePlan[]) => PipelinePlan[] = (plans) => plans,
  { anyTenant = false, adopt = false, halfRebuilt = false, store: given }: OpenOptions = {},
): Opened {
  const { config } = context;
  const store = given ?? openState({ ...context.state, now: context.tools.now, exclusive: true });
  const giveUp = () => given ?? store.close();
  const owner = { state: store.id, path: resolve(config.state.path), adopt };
  let tools: BuildTools;
  let built: Built;
  try {
    const { keep, forMs } = config.raw;
    const raw = openRawStore({ ...config.state, forMs, now: context.tools.now }); // removes what is too old, also when nothing is kept any more
    tools = { ...context.tools, owner, raw: keep ? raw : undefined };
    built = build(config, tools);
  } catch (error) {
    giveUp();
    throw error;
  }
  const open = (plan: PipelinePlan): Running => {
    const statistics = createStatistics(plan.name, tools.now, built.lived);
    const watched = { ...plan, registered: observed(plan.registered, statistics) };
    const stored = store.pipeline(plan.name);
    const state = anyTenant ? stored : ofItsTenant(plan, stored);
    if (!halfRebuilt) requireWholeRebuild(plan.name, stored);
    const pipeline = toPipeline(watched, built, config, state, tools, statistics.events);
    statistics.owed = pipeline.owed.size;
    remember(statistics, plan, state);
    return { plan, statistics, pipeline };
  };
  let running: Running[];
  try {
    running = choose(built.plans).map(open);
  } catch (error) {
    giveUp();
    throw error;
  }
  return {
    built,
    store,
    running,
    async close({ keepStore = false } = {}) {
      try {
        await built.close();
      } finally {
        if (!keepStore) store.close();
      }
    },
  };
}
