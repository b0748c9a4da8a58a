/** Which pipelines a command is about. */

import type { StreamName } from '../../api/document.ts';
import { usageError } from '../../api/errors.ts';
import { recordsChange } from '../../api/records/changing.ts';
import type { Registered } from '../../api/stream.ts';
import { ALERT_LIMIT } from '../../engine/alerts/tell.ts';
import type { PipelinePlan } from '../../engine/build.ts';
import { HEARTBEAT } from '../../engine/heartbeat.ts';
import type { Config, SourceConfig } from '../../engine/settings.ts';
import { type SinkConfig, sinkTypeOf } from '../../sinks/registry.ts';
import type { DeclaredStream } from '../../sinks/sink-type.ts';
import type { StateStore } from '../../state/store.ts';
import type { CommandContext } from './command-context.ts';

interface Choice {
  source?: string[];
  stream?: string[];
  pipeline?: string[];
}

/** The plans of the config that were chosen; all of them when nothing was. A name that fits none is a mistake. */
export function chosenPlans(plans: readonly PipelinePlan[], choice: Choice): PipelinePlan[] {
  const named: [string, string[] | undefined, (plan: PipelinePlan) => string][] = [
    ['source', choice.source, (plan) => plan.source.name],
    ['stream', choice.stream, (plan) => plan.registered.stream.name],
    ['pipeline', choice.pipeline, (plan) => plan.name],
  ];
  let chosen = [...plans];
  for (const [what, names, nameOf] of named) {
    if (names === undefined) continue;
    const known = new Set(plans.map(nameOf));
    for (const name of names) if (!known.has(name)) throw unknown(what, name, [...known]);
    chosen = chosen.filter((plan) => names.includes(nameOf(plan)));
  }
  if (chosen.length > 0) return chosen;
  throw usageError(
    'no pipeline of the config fits this choice',
    `There are: ${plans.map(({ name }) => name).join(', ')}.`,
  );
}

/** Those of the chosen plans that the state has a pipeline of: looking must not make one. */
export function knownPlans(
  plans: readonly PipelinePlan[],
  choice: Choice,
  store: Pick<StateStore, 'pipelines'>,
): PipelinePlan[] {
  const known = new Set(store.pipelines());
  return chosenPlans(plans, choice).filter(({ name }) => known.has(name));
}

/** An Elasticsearch sink that no source names is one that `sluice load` fills, with what goes to the others. */
function fillers({ sources, sinks }: Config, sinkName: string): SourceConfig[] {
  const own = sources.filter((source) => source.sinks.includes(sinkName));
  const isFilled = own.length === 0 && sinks.some(({ name, type }) => name === sinkName && type === 'elasticsearch');
  return isFilled ? sources : own;
}

/** Stream and source of everything that goes to a sink, and of what it makes of that by itself. */
export function placesOf(config: Config, sinkName: string): { stream: StreamName; namespace: string }[] {
  const own = config.heartbeat === undefined ? [] : [HEARTBEAT.name];
  const limited = ({ maxAlertsPerHour }: SourceConfig) => (maxAlertsPerHour === undefined ? [] : [ALERT_LIMIT.name]);
  const derived = (stream: StreamName) =>
    derivedBy(config, sinkName, { stream, fields: HEARTBEAT.fields }).map((one) => one.stream);
  return fillers(config, sinkName).flatMap((source) =>
    [...source.streams.flatMap((stream) => [stream, ...derived(stream)]), ...own, ...limited(source)].map((stream) => ({
      stream,
      namespace: source.name,
    })),
  );
}

function derivedBy({ sinks }: Config, sinkName: string, of: DeclaredStream): DeclaredStream[] {
  const sink = sinks.find(({ name }) => name === sinkName);
  return sink === undefined ? [] : (sinkTypeOf(sink.type)?.derives?.(sink, of) ?? []);
}

/** Every stream whose documents may be in a sink, with the fields that templates are made of. */
export function declaredStreams(config: Config, registered: readonly Registered[], sinkName: string): DeclaredStream[] {
  const own = config.heartbeat === undefined ? [] : [{ stream: HEARTBEAT.name, fields: HEARTBEAT.fields }];
  const isLimited = config.sources.some(({ maxAlertsPerHour }) => maxAlertsPerHour !== undefined);
  if (isLimited) own.push({ stream: ALERT_LIMIT.name, fields: ALERT_LIMIT.fields });
  const all = registered.map(({ stream, fields }) => ({ stream: stream.name, fields }));
  return [...all.flatMap((one) => [one, ...derivedBy(config, sinkName, one)]), ...own];
}

/** A sink that also knows what will go to it: for `check`, and for whoever asks how it is prepared. */
export function withPlaces({ config, tools }: Pick<CommandContext, 'config' | 'tools'>, sink: SinkConfig): SinkConfig {
  const places = placesOf(config, sink.name);
  const dataStreams = places.map(({ stream, namespace }) => `logs-${stream}-${namespace}`);
  const changing = new Set(
    tools.streams.filter(({ stream }) => recordsChange(stream)).map(({ stream }) => stream.name),
  );
  const latestNames = places
    .filter(({ stream }) => changing.has(stream))
    .map(({ stream, namespace }) => `latest-${stream}-${namespace}`);
  const more = { dataStreams, latestNames, places, streams: declaredStreams(config, tools.streams, sink.name) };
  return { ...sink, ...more };
}

/** The sinks of a type that were chosen; all of them when none was named. */
export function sinksOfType<Type extends SinkConfig['type']>({ sinks }: Config, type: Type, name: string | undefined) {
  const all = sinks.filter((sink): sink is Extract<SinkConfig, { type: Type }> => sink.type === type);
  const names = all.map((sink) => sink.name);
  if (all.length === 0)
    throw usageError(`the config has no ${type} sink`, 'Add one under `sinks`; docs/config.md has its keys.');
  if (name !== undefined && !names.includes(name)) throw unknown(`${type} sink`, name, names);
  return all.filter((sink) => name === undefined || sink.name === name);
}

export function unknown(what: string, name: string, known: readonly string[]): Error {
  return usageError(
    `there is no ${what} "${name}"`,
    `There ${known.length === 1 ? 'is' : 'are'}: ${known.join(', ')}.`,
  );
}
