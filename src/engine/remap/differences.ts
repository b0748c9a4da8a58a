/** What two mappings make differently of the same records, by field. */
import type { EcsDocument } from '../../api/document.ts';
import { canonical } from '../../api/records/identity.ts';

export interface Difference {
  /** Its full name. */
  field: string;
  /** Undefined where the field is not there. */
  before: unknown;
  after: unknown;
}

const NOTHING: ReadonlySet<string> = new Set();

/** Field by field, in the order of the documents; lists count as one value. */
export function differencesOf(before: EcsDocument, after: EcsDocument): Difference[] {
  const found: Difference[] = [];
  compare('', before, after, found);
  return found;
}

function compare(field: string, before: unknown, after: unknown, found: Difference[]): void {
  if (before === after) return; // most values are no objects, and did not change
  const [one, other] = [membersOf(before), membersOf(after)];
  if (one !== undefined && other !== undefined) {
    for (const name of new Set([...Object.keys(one), ...Object.keys(other)]))
      compare(field === '' ? name : `${field}.${name}`, one[name], other[name], found);
    return;
  }
  const isSame =
    before !== undefined && after !== undefined && canonical(before, NOTHING) === canonical(after, NOTHING);
  if (!isSame) found.push({ field, before, after });
}

type Members = Record<string, unknown>;

/** A field that is not there is as one without members. */
function membersOf(value: unknown): Members | undefined {
  if (value === undefined) return {};
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : undefined;
}

export interface Example {
  key: string;
  before: unknown;
  after: unknown;
}

export interface FieldTally {
  field: string;
  changed: number;
  added: number;
  removed: number;
  /** The first ones. */
  examples: Example[];
}

const MOST_EXAMPLES = 3;
/** Names of fields may come from the records: further ones are counted together. */
const MOST_FIELDS = 1000;
const OTHERS = '(further fields)';
/** A longer value of an example is cut. */
const LONGEST = 1000;

export interface Tally {
  add(key: string, differences: readonly Difference[]): void;
  /** The most frequent first. */
  fields(): FieldTally[];
}

export function createTally(): Tally {
  const fields = new Map<string, FieldTally>();
  const of = (name: string): FieldTally => {
    const field = fields.has(name) || fields.size < MOST_FIELDS ? name : OTHERS;
    const tally = fields.get(field) ?? { field, changed: 0, added: 0, removed: 0, examples: [] };
    fields.set(field, tally);
    return tally;
  };
  return {
    add(key, differences) {
      for (const { field, before, after } of differences) {
        const tally = of(field);
        if (before === undefined) tally.added++;
        else if (after === undefined) tally.removed++;
        else tally.changed++;
        if (tally.examples.length < MOST_EXAMPLES)
          tally.examples.push({ key, before: shortened(before), after: shortened(after) });
      }
    },
    fields: () => [...fields.values()].sort((one, other) => count(other) - count(one)),
  };
}

function count({ changed, added, removed }: FieldTally): number {
  return changed + added + removed;
}

function shortened(value: unknown): unknown {
  if (value === undefined) return null;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length <= LONGEST ? value : `${text.slice(0, LONGEST).toWellFormed()}…`;
}
