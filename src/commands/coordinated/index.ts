/** `sluice run` as one of several instances: runs the sources that the group gives it, and lets go of those that it takes back. */

import pLimit from 'p-limit';
import { messageOf, messageWithAdvice, usageError } from '../../api/errors.ts';
import type { Coordination } from '../../coordination/config.ts';
import { createLease } from '../../coordination/lease.ts';
import { joinGroup, type Membership } from '../../coordination/membership.ts';
import type { SourceConfig } from '../../engine/settings.ts';
import { plural } from '../../observe/show.ts';
import type { StatusModel } from '../../observe/status/status.ts';
import { createSinkTraffic } from '../../sinks/traffic.ts';
import type { StateStore } from '../../state/store.ts';
import { livedTime } from '../../system/lived-time.ts';
import { startSummaries } from '../running/set.ts';
import type { CommandContext } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import type { Running } from '../shared/pipelines.ts';
import { serveStatus } from '../shared/status.ts';
import { runSource, type SourceNeeds } from './source.ts';
import { storesAsOne } from './stores.ts';

interface Choices {
  once?: boolean;
  adopt?: boolean;
}

const LOOK_MS = 200;
/** As at a stop: a sink that does not answer is given up. Nothing is lost by it. */
const GRACE_MS = 8000;
/** Who follows a source that was lost, or could not be taken over, waits so long; twice as long after each failure. */
const AGAIN_MS = 1000;
const LONGEST_AGAIN_MS = 60_000;
const AT_ONCE = 2;

export async function runShared(
  cli: Cli,
  context: CommandContext,
  coordination: Coordination,
  choices: Choices,
): Promise<void> {
  if (choices.once || choices.adopt)
    throw usageError(
      '--once and --adopt are for a single instance',
      'Leave them out, or `coordination` out of the config.',
    );
  const { log, config } = context;
  const lived = livedTime();
  const sinkTraffic = new Map(config.sinks.map(({ name }) => [name, createSinkTraffic()]));
  const running: Running[] = [];
  const stores = new Map<string, StateStore>();
  const store = storesAsOne(
    (source) => stores.get(source),
    () => [...stores.values()],
  );
  const built = { sinkTraffic, lived: lived.now };
  const served = await serveStatus(cli, context, { store, running, built });
  const stopTelling = startSummaries(cli, context, served.model, () => running);
  const lease = createLease(coordination.sessionMs);
  const inTurn = pLimit(AT_ONCE);
  const needs: SourceNeeds = {
    ...{ cli, context, coordination, lease, sinkTraffic, inTurn, status: (): StatusModel => served.model },
    shown(opened, ours) {
      const [source] = (ours[0]?.plan.name ?? '').split('/', 1) as [string];
      running.push(...ours);
      stores.set(source, opened);
      return () => {
        for (const one of ours) running.splice(running.indexOf(one), 1);
        stores.delete(source);
      };
    },
  };
  log.info({ 'sluice.version': cli.version }, `Sluice ${cli.version}: joins the group ${coordination.group}`);
  try {
    await keepSources(cli, context, needs);
  } finally {
    stopTelling();
    await served.close();
    lived.close();
  }
}

interface Kept {
  soft: AbortController;
  hard: AbortController;
  grace?: NodeJS.Timeout;
  ended: Promise<void>;
}

/** Starts what is given, ends what is taken back, until the process is to stop. Throws what the group is refused for. */
async function keepSources(cli: Cli, context: CommandContext, needs: SourceNeeds): Promise<void> {
  const { log, config } = context;
  const { coordination, lease } = needs;
  const byName = new Map(config.sources.map((source) => [source.name, source]));
  const kept = new Map<string, Kept>();
  const notBefore = new Map<string, number>();
  const failures = new Map<string, number>();
  const over = Promise.withResolvers<void>();
  let wanted: ReadonlySet<string> = new Set();

  const start = (source: SourceConfig): void => {
    const soft = new AbortController();
    const hard = new AbortController();
    const ended = runSource(source, needs, { soft: soft.signal, hard })
      .then(() => void failures.delete(source.name))
      .catch((error: unknown) => {
        if (soft.signal.aborted || hard.signal.aborted) return;
        failures.set(source.name, (failures.get(source.name) ?? 0) + 1);
        log.error(
          { 'sluice.source': source.name },
          `${source.name} cannot be taken over for now: ${messageWithAdvice(error)}`,
        );
      })
      .then(() => {
        clearTimeout(kept.get(source.name)?.grace);
        kept.delete(source.name);
        const waitMs = Math.min(LONGEST_AGAIN_MS, AGAIN_MS * 2 ** (failures.get(source.name) ?? 0));
        notBefore.set(source.name, performance.now() + waitMs);
        log.info({ 'sluice.source': source.name }, `${source.name} is let go of`);
        // Once for all that is let go of together.
        if (!wanted.has(source.name) && [...kept.keys()].every((name) => wanted.has(name))) membership.rejoin();
      });
    kept.set(source.name, { soft, hard, ended });
  };
  const end = (one: Kept): void => {
    if (one.soft.signal.aborted) return;
    one.soft.abort();
    one.grace = setTimeout(() => one.hard.abort(), GRACE_MS).unref();
  };
  /** What should run does, and nothing else. */
  const look = (): void => {
    const holds = lease.holds();
    for (const [name, one] of kept) {
      if (!holds) one.hard.abort();
      else if (!wanted.has(name)) end(one);
    }
    if (!holds || cli.signal.aborted) return;
    for (const name of wanted) {
      const source = byName.get(name);
      if (source !== undefined && !kept.has(name) && performance.now() >= (notBefore.get(name) ?? 0)) start(source);
    }
  };
  const allEnded = async (): Promise<void> => {
    await Promise.all([...kept.values()].map(({ ended }) => ended));
  };
  const membership: Membership = joinGroup({
    ...{ kafka: coordination.kafka, group: coordination.group, sessionMs: coordination.sessionMs, lease, log },
    offer: () => ({ sources: weightsOf(context), owned: [...kept.keys()] }),
    assigned(sources) {
      const before = wanted;
      wanted = sources;
      if (before.size !== sources.size || [...sources].some((name) => !before.has(name)))
        log.info(
          { 'sluice.sources': [...sources] },
          `this instance has ${plural(sources.size, 'source')} of ${byName.size}`,
        );
      look();
    },
    async expelled() {
      wanted = new Set();
      for (const { hard } of kept.values()) hard.abort();
      await allEnded();
    },
    refused: (error) => over.reject(error),
  });
  const timer = setInterval(look, LOOK_MS);
  const stop = () => over.resolve();
  cli.signal.addEventListener('abort', stop, { once: true });
  if (cli.signal.aborted) stop();
  try {
    await over.promise;
  } catch (error) {
    throw usageError(
      `the group ${coordination.group} cannot be joined: ${messageOf(error)}`,
      'Check `coordination` of the config, and what the account may do (docs/scaling.md).',
    );
  } finally {
    wanted = new Set();
    for (const one of kept.values()) end(one);
    await allEnded();
    clearInterval(timer);
    cli.signal.removeEventListener('abort', stop);
    await membership.leave();
  }
  log.info('stopped: everything that was read is delivered and remembered');
}

/** The sources of the config with the number of their pipelines. */
function weightsOf({ config, tools }: CommandContext): Record<string, number> {
  return Object.fromEntries(
    config.sources.map((source) => {
      const streams = tools.streams.filter(
        ({ connector, stream }) => connector.name === source.connector && source.streams.includes(stream.name),
      );
      return [source.name, streams.length * source.sinks.length];
    }),
  );
}
