/**
 * Logs: one ECS document a line for machines, readable lines for people; both to stderr, both without secrets and without
 * control characters that a terminal would obey.
 *
 * The values of the finished line are cleaned, so that nothing is missed: neither an error's stack, nor a child logger's
 * bindings, nor JSON inside a string.
 */
import { ecsFormat } from '@elastic/ecs-pino-format';
import { type DestinationStream, type Logger, destination as openDestination, pino, stdSerializers } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { bounded, inertJson, stackLines } from '../api/inert.ts';
import type { LogLevel } from '../engine/settings.ts';
import { createRedactor, LOOKED_AT, type Redactor } from '../redaction/redactor.ts';

export type { Logger } from 'pino';

export interface LogOptions {
  level: LogLevel;
  format: 'json' | 'pretty';
  /** stderr by default. */
  destination?: DestinationStream;
  /** A redactor that already knows secrets (the config is read before there is a logger); a new one by default. */
  redactor?: Redactor;
  /** Colours in `pretty`. */
  color?: boolean;
}

interface Logging extends Redactor {
  log: Logger;
}

/** The longest text in a log line. */
const LONGEST = 4000;

/** A logger and its redactor. There is no global logger: each part is given its own. */
export function createLogger(options: LogOptions): Logging {
  const redactor = options.redactor ?? createRedactor();
  const { level, format, color = false } = options;
  const destination = options.destination ?? openDestination({ dest: 2, sync: true });
  const write = format === 'json' ? forMachines(redactor) : forPeople(redactor, color);
  const stream: DestinationStream = { write: (line) => destination.write(write(JSON.parse(line))) };
  const log =
    format === 'json'
      ? pino(
          { ...ecsFormat({ serviceName: 'sluice', eventDataset: 'sluice.log', apmIntegration: false }), level },
          stream,
        )
      : pino({ level, base: null, messageKey: 'message', serializers: { err: stdSerializers.err } }, stream);
  return { log, ...redactor };
}

function forMachines({ scrub, clean }: Redactor): (line: unknown) => string {
  const show = (text: string) =>
    bounded(scrub(text.slice(0, LOOKED_AT)), LONGEST, Math.max(0, text.length - LOOKED_AT));
  return (line) => `${inertJson(clean(line, show))}\n`;
}

/** Formats each line for people at once, so that no line is lost when the process ends. */
function forPeople({ show, clean }: Redactor, colorize: boolean): (line: unknown) => string {
  const translateTime = 'SYS:HH:MM:ss';
  const format = prettyFactory({ colorize, messageKey: 'message', translateTime, singleLine: true });
  const showAs = (text: string, name?: string) =>
    name === 'stack'
      ? stackLines(text)
          .map((one) => show(one, LONGEST))
          .join('\n')
      : show(text, LONGEST);
  return (line) => format(clean(line, showAs) as object) ?? '';
}
