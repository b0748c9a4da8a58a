/** Which pipelines a command is about. */

import type { StreamName } from '../../api/document.ts';
import { usageError } from '../../api/errors.ts';
import type { PipelinePlan } from '../../engine/build.ts';
import type { Config } from '../../engine/settings.ts';

interface Choice {
  source?: string[];
  stream?: string[];
  pipeline?: string[];
}

/** The lines of the config that were chosen; all of them when nothing was. A name that fits none is a mistake. */
export function chosenLines(lines: readonly PipelinePlan[], choice: Choice): PipelinePlan[] {
  const named: [string, string[] | undefined, (line: PipelinePlan) => string][] = [
    ['source', choice.source, (line) => line.source.name],
    ['stream', choice.stream, (line) => line.registered.stream.name],
    ['pipeline', choice.pipeline, (line) => line.name],
  ];
  let chosen = [...lines];
  for (const [what, names, nameOf] of named) {
    if (names === undefined) continue;
    const known = new Set(lines.map(nameOf));
    for (const name of names) if (!known.has(name)) throw unknown(what, name, [...known]);
    chosen = chosen.filter((line) => names.includes(nameOf(line)));
  }
  if (chosen.length > 0) return chosen;
  throw usageError(
    'no pipeline of the config fits this choice',
    `There are: ${lines.map(({ name }) => name).join(', ')}.`,
  );
}

/** Stream and source of everything that goes to a sink. */
export function placesOf(config: Config, sinkName: string): { stream: StreamName; namespace: string }[] {
  return config.sources
    .filter((source) => source.sinks.includes(sinkName))
    .flatMap((source) => source.streams.map((stream) => ({ stream, namespace: source.name })));
}

export function unknown(what: string, name: string, known: readonly string[]): Error {
  return usageError(
    `there is no ${what} "${name}"`,
    `There ${known.length === 1 ? 'is' : 'are'}: ${known.join(', ')}.`,
  );
}
