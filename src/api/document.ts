/** The document that a mapping makes of a record. */

export type Json = null | boolean | number | string | Json[] | { [member: string]: Json };

/** A stream's name, e.g. `cylance.detection`; it is `event.dataset` everywhere. */
export type StreamName = `${string}.${string}`;

/**
 * An ECS document: nested objects, as Elasticsearch stores them. `mappings/ecs.ts` says which fields are allowed. For a
 * record without a time, a mapping sets no `@timestamp`; the engine adds it (`src/engine/change/document.ts`).
 */
export type EcsDocument = { '@timestamp'?: string; [field: string]: unknown };

/** What a mapping may know about the tenant of a record. Holds no secret. */
export interface SourceFacts {
  /** The source's name in the config; the data stream's namespace. */
  name: string;
  /** `cylance`, `apex_central`. */
  connector: string;
  /** The vendor's id of the tenant: `organization.id`. */
  tenantId: string;
  /** Where the vendor's console is, without a trailing slash; `event.url` starts with it. */
  consoleUrl?: string;
  /** Whether `event.original` is kept. */
  keepOriginal: boolean;
}

/** Pure: no I/O, no clock, no randomness. Throws only for a record that it cannot understand at all. */
export type Mapping = (record: unknown, source: SourceFacts) => EcsDocument;
