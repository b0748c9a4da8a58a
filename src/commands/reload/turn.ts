/**
 * `run` in turns: each has one config. A reload ends the turn at the next page of each walk, and begins another with the new
 * config and the same state, whose cursors go on where they are. A config that cannot be taken over changes nothing.
 */
import { messageOf, messageWithAdvice } from '../../api/errors.ts';
import { build } from '../../engine/build.ts';
import { plural } from '../../observe/show.ts';
import type { StateStore } from '../../state/store.ts';
import { type CommandContext, openCommand } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import type { CommonOptions } from '../shared/options.ts';
import { answerReload, askedReload } from './messages.ts';

const LOOK_MS = 1000;
/** As at a stop: a sink that does not answer is given up. Nothing is lost by it. */
const GRACE_MS = 8000;

/** A config that is taken over, and who asked for it. */
export interface Taken {
  context: CommandContext;
  asked: string | undefined;
}

export interface Turn {
  /** Whose signals also end with the turn. */
  cli: Cli;
  context: CommandContext;
  /** Ends the listening; the config of the next turn, where there is one. */
  end(): Taken | undefined;
}

interface Signals {
  cli: Cli;
  /** With the signals of the turn. */
  context(given: CommandContext): CommandContext;
  ends: AbortController;
  hard: AbortController;
  /** Of the process. */
  outer: Cli;
}

/** What ends with the process, or with the turn. */
export function signalsOf(outer: Cli): Signals {
  const ends = new AbortController();
  const hard = new AbortController();
  const signal = AbortSignal.any([outer.signal, ends.signal]);
  const hardStop = AbortSignal.any([outer.hardStop, hard.signal]);
  const context = (given: CommandContext) => ({ ...given, tools: { ...given.tools, hardStop } });
  return { cli: { ...outer, signal, hardStop }, context, ends, hard, outer };
}

/** Listens for SIGHUP and `sluice reload`, where `store` is given. */
export function startTurn(
  { cli: within, context: inTurn, ends, hard, outer: cli }: Signals,
  options: CommonOptions,
  context: CommandContext,
  store: StateStore | undefined,
): Turn {
  let next: Taken | undefined;
  let isLooking = false;
  let grace: NodeJS.Timeout | undefined;
  const take = async (asked: string | undefined): Promise<void> => {
    if (isLooking || next !== undefined || store === undefined) return;
    isLooking = true;
    try {
      const taken = await load(cli, options, context);
      if (ends.signal.aborted) return;
      next = { context: taken, asked };
      context.log.info('a new config is taken over: every walk ends at its next page, and goes on from there');
      grace = setTimeout(() => hard.abort(), GRACE_MS).unref();
      ends.abort();
    } catch (error) {
      refuse(context, store, asked, error);
    } finally {
      isLooking = false;
    }
  };
  const look = () => {
    try {
      const asked = store === undefined ? undefined : askedReload(store);
      if (asked !== undefined) void take(asked);
    } catch (error) {
      context.log.warn(`whether a reload is asked for cannot be seen for now: ${messageOf(error)}`);
    }
  };
  const timer = store === undefined ? undefined : setInterval(look, LOOK_MS);
  const forget = store === undefined ? undefined : cli.onReload?.(() => void take(undefined));
  return {
    cli: within,
    context: inTurn(context),
    end() {
      clearInterval(timer);
      clearTimeout(grace);
      forget?.();
      return cli.signal.aborted ? undefined : next;
    },
  };
}

/** Throws where the config is wrong, or needs a restart. */
async function load(cli: Cli, options: CommonOptions, { config }: CommandContext): Promise<CommandContext> {
  const next = await openCommand(cli, options, true);
  if (next.config.state.path !== config.state.path)
    throw new Error('state.path is another one: that takes a restart, since the state goes with it');
  await build(next.config, next.tools).close();
  return next;
}

/** The config is wrong, or could not be begun with: `context` goes on. */
export function refuse(context: CommandContext, store: StateStore, asked: string | undefined, error: unknown): void {
  const message = messageWithAdvice(error);
  context.log.error(`the config is not taken over, everything goes on as before: ${message}`);
  if (asked !== undefined) answerReload(store, asked, { taken: false, message });
}

/** Tells what is another one now. */
export function tellTaken({ context, asked }: Taken, store: StateStore, before: string[], now: string[]): void {
  const added = now.filter((name) => !before.includes(name));
  const removed = before.filter((name) => !now.includes(name));
  const parts = [
    `${plural(now.length - added.length, 'pipeline')} as before`,
    ...(added.length > 0 ? [`new: ${added.join(', ')}`] : []),
    ...(removed.length > 0 ? [`removed: ${removed.join(', ')}`] : []),
  ];
  const message = `the config is taken over: ${parts.join('; ')}`;
  context.log.info(message);
  if (asked !== undefined) answerReload(store, asked, { taken: true, message });
}
