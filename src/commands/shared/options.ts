/** Options that several commands share, and how values of options are read. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { LogLevel } from '../../engine/settings.ts';

export interface CommonOptions {
  config?: string;
  json?: boolean;
  logLevel?: LogLevel;
}

const LEVELS: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

export function withLogLevel(command: Command): Command {
  return command.addOption(new Option('--log-level <level>', 'least level that is logged').choices(LEVELS));
}

export function withJson(command: Command): Command {
  return command.option('--json', 'print the result as JSON');
}

/** What `--adopt` means wherever it is taken. */
export const ADOPT =
  'take output folders as they are, from another state or with files missing; once, when you know that it is right';

/** `--config`, `--json` and `--log-level`. */
export function withCommon(command: Command): Command {
  return withLogLevel(withJson(withConfig(command)));
}

export function withConfig(command: Command): Command {
  return command.option('-c, --config <file>', 'config file (default: $SLUICE_CONFIG, else sluice.yaml)');
}

/** A whole number within bounds, for an option's or argument's value. */
export function whole(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^-?\d+$/.test(text) && value >= least && value <= most) return value;
    const upTo = most === Number.MAX_SAFE_INTEGER ? '' : ` to ${most}`;
    throw new InvalidArgumentError(`It must be a whole number from ${least}${upTo}.`);
  };
}

export function positive(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('It must be a number above zero.');
}
