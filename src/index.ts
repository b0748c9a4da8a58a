/**
 * The package's face: what authors of connectors, mappings and sinks import, and all that they import. A module outside
 * says `import { … } from 'sluice'`, and gets the installation that runs it.
 */
export { z } from 'zod';
export * from './api/abort.ts';
export * from './api/charset.ts';
export type * from './api/client.ts';
export type * from './api/connector.ts';
export type * from './api/document.ts';
export * from './api/errors.ts';
export type * from './api/http.ts';
export * from './api/pace.ts';
export * from './api/path-segment.ts';
export * from './api/records/identity.ts';
export * from './api/records/json.ts';
export * from './api/records/members.ts';
export * from './api/records/secrets.ts';
export type * from './api/sink.ts';
export type * from './api/stream.ts';
export * from './api/time.ts';
export * from './api/timestamp.ts';
/** Kinds of values for the keys of a connector: `values.httpUrl()`. */
export * as values from './api/values.ts';
export type * from './api/walk.ts';
// What a connector's client is made of.
export { lockedOut, orClock, secretNow } from './net/credentials.ts';
export { parseReply, placeOf, statusError, wordsOf } from './net/http.ts';
export { partsOf } from './net/long-reply.ts';
export { retryAfterMs } from './net/retry.ts';
export { createRetryPolicy } from './net/retry-policy.ts';
export { conditionOf, validatorsOf } from './net/wire/validators.ts';
export { type Children, listedParents, type Parents, type ReadingEnd, walkChildren } from './reading/children.ts';
export type * from './reading/list.ts';
export { readLists, readSnapshot, type Snapshot, walkSnapshot } from './reading/snapshot.ts';
export { type ListQuery, walkWindows } from './reading/windows.ts';
