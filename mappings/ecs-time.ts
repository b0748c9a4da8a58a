/** Vendors' times as ECS dates. */
import { timestamp } from '../src/index.ts';
import { isEmpty, misfit, type Unfit } from './ecs.ts';

/** The vendor's way to say "never". Says nothing, so it is left out. */
function isNever(content: string): boolean {
  return content.startsWith('0001-01-01T00:00:00') || content.startsWith('0001-01-01 00:00:00');
}

/** A date in ISO form with `Z`; undefined for a sentinel and for nothing; a value that is no date goes to `unfit` as text. */
export function date(unfit: Unfit, field: string, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  const result = timestamp(value);
  if (result !== undefined) return result;
  if (typeof value === 'string') {
    const content = value.trim();
    if (content === '' || isNever(content)) return undefined;
  }
  if (value === 0 || (typeof value === 'object' && isEmpty(value))) return undefined;
  return misfit(unfit, field, value);
}
