/** What a command with a config begins with: the config, a logger, and the tools to build pipelines. */

import { type SluiceError, usageError } from '../../api/errors.ts';
import type { Registered } from '../../api/stream.ts';
import { type KnownStream, loadConfig } from '../../config/load.ts';
import { outsideStreams, ownMappings } from '../../config/outside.ts';
import type { Coordination } from '../../coordination/config.ts';
import type { BuildTools } from '../../engine/build.ts';
import type { Config } from '../../engine/settings.ts';
import { createLogger, type Logger } from '../../observe/log.ts';
import { openTalk, type Talk } from '../../observe/progress.ts';
import type { StatePlace } from '../../state/files.ts';
import type { Cli } from './context.ts';
import type { CommonOptions } from './options.ts';

export interface CommandContext {
  config: Config;
  warnings: string[];
  log: Logger;
  talk: Talk;
  tools: BuildTools;
  /** Where the state is, and where to report what other users may do with it. */
  state: StatePlace;
}

/**
 * Reads the config file that was asked for. Its warnings are shown. The log of a `service` is for a collector; other
 * commands talk themselves, and log warnings and errors only, unless --log-level says otherwise.
 */
export async function openCommand(given: Cli, options: CommonOptions, service = false): Promise<CommandContext> {
  const file = fileOf(given, options);
  const cli = { ...given, streams: await streamsOf(given, options) };
  const knownStreams = knownStreamsOf(cli);
  const loaded = loadConfig(file, { env: cli.env, knownStreams, onSecret: cli.redactor.protect });
  const context = commandContextOf(cli, loaded.config, options, service);
  for (const warning of loaded.warnings) cli.stderr.line(`warning: ${warning}`);
  const named = loaded.config.sources.flatMap(({ mapping }) => Object.values(mapping));
  const modules = await ownMappings(named.flatMap((own) => own?.module ?? []));
  return { ...context, tools: { ...context.tools, modules }, warnings: loaded.warnings };
}

/** The config file that a command is about. */
export function fileOf({ env }: Pick<Cli, 'env'>, { config }: CommonOptions): string {
  return config ?? (env.SLUICE_CONFIG || 'sluice.yaml');
}

/** The streams of this program, and those of connectors that the config names. */
export async function streamsOf(cli: Cli, options: CommonOptions): Promise<readonly Registered[]> {
  return [...cli.streams, ...(await outsideStreams(fileOf(cli, options), cli.env, cli.streams))];
}

export function commandContextOf(cli: Cli, config: Config, options: CommonOptions, service = false): CommandContext {
  const { format } = config.log;
  const level = options.logLevel ?? (service ? config.log.level : 'warn');
  const auto = cli.isTty || !service ? 'pretty' : 'json';
  const talk = openTalk(cli.terminal);
  const { log } = createLogger({
    level,
    format: format === 'auto' ? auto : format,
    destination: talk,
    redactor: cli.redactor,
    color: cli.isTty && !cli.env.NO_COLOR,
  });
  const { env, clock, now, hardStop, streams, parts, memory, redactor } = cli;
  const elsewhere = config.coordination && inKafka(config.coordination);
  const state = { ...config.state, elsewhere, tell: (text: string) => log.warn(text), scrub: redactor.scrub };
  return {
    config,
    warnings: [],
    log,
    talk,
    tools: { streams, log, env, clock, now, hardStop, parts, memory, redactor },
    state,
  };
}

function inKafka({ topic }: Coordination): SluiceError {
  return usageError(
    `the state is in Kafka (${topic}), shared with other instances: this command looks for one in a folder`,
    'Ask the instances: `sluice status --url` and the status page of each show what it owns, and pause and resume there (docs/scaling.md).',
  );
}

export function knownStreamsOf(cli: Cli): KnownStream[] {
  return cli.streams.map(({ stream, connector }) => ({ name: stream.name, connector }));
}
