/** What `sluice init` has to know, from the options, the person at the terminal, or a default: in this order. */
import { z } from 'zod';
import { usageError } from '../../api/errors.ts';
import { issueText } from '../../config/explain.ts';
import type { Cli } from '../shared/context.ts';

export interface Question {
  /** The option that answers it. */
  option: string;
  given: string | undefined;
  text: string;
  /** Taken with `--yes`, and for an empty answer; without one there has to be an answer. */
  fallback?: string;
  choices?: readonly string[];
  /** What is wrong with an answer: a predicate. */
  problem?: (answer: string) => string | undefined;
}

export type Ask = (question: Question) => Promise<string>;

/** Asks at the terminal, unless `--yes` was given; a wrong answer is asked for again, a wrong option is an error. */
export function askFor({ ask, stderr }: Cli, isSilent: boolean): Ask {
  return async (question) => {
    const { option, given, text, fallback } = question;
    if (given !== undefined) {
      const problem = problemWith(question, given);
      if (problem !== undefined) throw usageError(`--${option} ${JSON.stringify(given)} ${problem}`);
      return given;
    }
    if (isSilent || ask === undefined) {
      if (isSilent && fallback !== undefined) return fallback;
      const advice = isSilent ? undefined : 'Nobody can be asked here: give options, and --yes for the defaults.';
      throw usageError(`--${option} is needed: ${text}`, advice);
    }
    for (;;) {
      const answer = await ask(`${text}${fallback === undefined ? '' : ` [${fallback}]`}:`);
      if (answer === undefined) throw usageError('nothing is written');
      const value = answer === '' ? fallback : answer;
      const problem = value === undefined ? 'is needed' : problemWith(question, value);
      if (value !== undefined && problem === undefined) return value;
      stderr.line(`${value === undefined ? 'An answer' : JSON.stringify(value)} ${problem}`);
    }
  };
}

function problemWith({ choices, problem }: Question, answer: string): string | undefined {
  if (choices !== undefined && !choices.includes(answer)) return `is none of: ${choices.join(', ')}`;
  return problem?.(answer);
}

/** What a schema of the config says about a value. */
export function problemIn(schema: unknown): (value: unknown) => string | undefined {
  return (value) => (schema as z.ZodType).safeParse(value, { error: issueText }).error?.issues[0]?.message;
}

/** The value that a key has where it is left out. */
export function defaultOf(schema: unknown): string | undefined {
  const { data } = (schema as z.ZodType).safeParse(undefined);
  return typeof data === 'string' ? data : undefined;
}

/** A schema as others read it: what a person may choose from is in `enum`. */
export function jsonSchemaOf(schema: unknown): { enum?: unknown[] } {
  return z.toJSONSchema(schema as z.ZodType, { io: 'input' });
}
