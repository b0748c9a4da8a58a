/**
 * What a user makes of the documents of a stream: a module and rules of the config, after Sluice's own mapping. What the
 * guarantees need is put back whatever they did: see docs/mapping.md and decision 0083.
 */
import type { EcsDocument, SourceFacts, StreamName } from '../../api/document.ts';
import { messageOf, usageError } from '../../api/errors.ts';
import { isMembers, pathOf, putAt, removeAt, valueAt } from './fields.ts';
import { compileRule, type Rule } from './rules.ts';

/** The default export of a module: gets the document and the vendor's record, returns the document to ship; nothing to ship none. */
export type OwnFunction = (document: EcsDocument, record: unknown, source: SourceFacts) => unknown;

/** The part of the config that belongs to one stream. */
export interface OwnSettings {
  /** The path of a module. */
  module?: string;
  rules: readonly Rule[];
}

/** The document to ship, or who dropped it. */
export type Applied = { document: EcsDocument } | { droppedBy: string };

export interface OwnMapping {
  /** May change the document that it gets. Throws where the module fails. */
  apply(document: EcsDocument, record: unknown, source: SourceFacts): Applied;
  /** How often it threw. */
  failures(): number;
}

/** Fields that recovery, verification and the data streams rely on. */
export const KEPT_FIELDS = [
  ...['@timestamp', 'ecs', 'data_stream', 'event.id', 'event.hash', 'event.sequence', 'event.dataset', 'event.module'],
  'event.ingested',
] as const;

/** Whether a rule may not touch the field: it is one of those, lies within one, or holds one. */
export function isKeptField(name: string): boolean {
  return (
    name === '_id' || name === '_index' || KEPT_FIELDS.some((kept) => isWithin(kept, name) || isWithin(name, kept))
  );
}

function isWithin(name: string, other: string): boolean {
  return name === other || name.startsWith(`${other}.`);
}

const SKIPPED = 'mapping_rule_skipped';

/** `modules` has the functions that were loaded, by path. */
export function createOwnMapping(
  { module, rules }: OwnSettings,
  modules: ReadonlyMap<string, OwnFunction> | undefined,
): OwnMapping {
  const own = module === undefined ? undefined : modules?.get(module);
  if (module !== undefined && own === undefined) throw usageError(`the mapping ${module} was not loaded`);
  const steps = rules.map(compileRule);
  const kept = KEPT_FIELDS.map(pathOf);
  let failures = 0;
  const call = (document: EcsDocument, record: unknown, source: SourceFacts): EcsDocument | undefined => {
    try {
      return own === undefined ? document : resultOf(own(document, structuredClone(record), { ...source }));
    } catch (error) {
      failures++;
      throw new Error(`the mapping ${module} failed: ${messageOf(error)}`);
    }
  };
  return {
    apply(document, record, source) {
      const values = kept.map((path) => copyOf(valueAt(document, path)));
      const isAlert = valueAt(document, ['event', 'kind']) === 'alert';
      const mapped = call(document, record, source);
      if (mapped === undefined) return { droppedBy: `the mapping ${module}` };
      for (const [index, step] of steps.entries()) {
        const became = step(mapped);
        if (became === 'dropped') return { droppedBy: `rule ${index + 1}` };
        if (became === 'skipped') tag(mapped);
      }
      if (!isMembers(mapped.event)) mapped.event = {};
      for (const [index, path] of kept.entries()) {
        if (values[index] === undefined) removeAt(mapped, path);
        else putAt(mapped, path, values[index]);
      }
      // Which revisions raise an alert is not theirs to say: one detection raises one.
      if (!isAlert && valueAt(mapped, ['event', 'kind']) === 'alert') putAt(mapped, ['event', 'kind'], 'event');
      return { document: mapped };
    },
    failures: () => failures,
  };
}

function copyOf(value: unknown): unknown {
  return typeof value === 'object' ? structuredClone(value) : value;
}

/** `null` and `undefined` mean that nothing is shipped. */
function resultOf(result: unknown): EcsDocument | undefined {
  if (result === undefined || result === null) return undefined;
  if (result instanceof Promise) {
    result.catch(() => {}); // nobody waits for it
    throw new Error('it returns a promise; a mapping may not wait for anything');
  }
  if (!isMembers(result)) throw new Error(`it returns ${Array.isArray(result) ? 'a list' : `a ${typeof result}`}`);
  return result;
}

function tag(document: EcsDocument): void {
  const tags = Array.isArray(document.tags) ? document.tags : document.tags === undefined ? [] : [document.tags];
  if (!tags.includes(SKIPPED)) document.tags = [...tags, SKIPPED];
}

/** By stream. */
export type OwnMappings = Partial<Record<StreamName, OwnSettings>>;
