/** A process's command line, whole and in its arguments. */
import { type Fields, keyword, MOST_ITEMS, tellCut, type Unfit } from './ecs.ts';

/** Puts the command line, and its arguments as `args`, of which `args_count` says how many there are. */
export function putCommand(process: Fields, unfit: Unfit, field: string, value: unknown): void {
  const commandLine = keyword(unfit, field, value);
  if (commandLine === undefined) return;
  process.command_line = commandLine;
  const args = argumentsIn(commandLine);
  if (args.length === 0) return;
  process.args = args.length > MOST_ITEMS ? args.slice(0, MOST_ITEMS) : args;
  process.args_count = args.length;
  if (args.length > MOST_ITEMS) tellCut(unfit, argsField(field), MOST_ITEMS, args.length);
}

/** `process.args` of `process.command_line`. */
function argsField(commandLine: string): string {
  return `${commandLine.slice(0, commandLine.lastIndexOf('.'))}.args`;
}

const BLANK = /[ \t\r\n]+/;

/**
 * The arguments of a command line as Windows programs split it: at blanks outside of quotes; a backslash is one, but before
 * a quote. An empty argument is left out, as no field holds an empty text. Command lines of other systems come with their quotes taken away, and are split at blanks alike.
 */
export function argumentsIn(commandLine: string): string[] {
  if (!commandLine.includes('"')) return commandLine.split(BLANK).filter((one) => one !== '');
  const found: string[] = [];
  let argument: string | undefined;
  let isQuoted = false;
  for (let at = 0; at < commandLine.length; at++) {
    const character = commandLine[at] as string;
    if (!isQuoted && (character === ' ' || character === '\t' || character === '\n' || character === '\r')) {
      if (argument !== undefined) found.push(argument);
      argument = undefined;
      continue;
    }
    if (argument === undefined) argument = '';
    if (character === '"') {
      const isDoubled = isQuoted && commandLine[at + 1] === '"';
      if (isDoubled) {
        argument += '"';
        at++;
      } else isQuoted = !isQuoted;
      continue;
    }
    if (character !== '\\') {
      argument += character;
      continue;
    }
    let end = at;
    while (commandLine[end] === '\\') end++;
    const count = end - at;
    const isBeforeQuote = commandLine[end] === '"' && found.length > 0; // else the program's name is a path
    argument += '\\'.repeat(isBeforeQuote ? count >> 1 : count);
    at = end - 1;
    if (isBeforeQuote && count % 2 === 1) {
      argument += '"';
      at++;
    }
  }
  if (argument !== undefined) found.push(argument);
  return found.filter((one) => one !== '');
}
