import { type ApexCentral, createApexCentral } from './apex-central/index.ts';
import { createLiving, type Living } from './detections/living.ts';
import { createSelector, type Selector } from './detections/selection.ts';
import { createTenant, type Tenant } from './detections/tenant.ts';
import { createTruth, type Truth } from './detections/truth.ts';
import { createFaultEngine, type FaultEngine } from './fault-engine.ts';
import { createQueries, type Queries } from './instaqueries/queries.ts';
import type { Courses } from './lifecycle.ts';
import { createShelf, type Shelf } from './listed/collection.ts';
import { THINGS } from './listed/index.ts';
import type { Settings } from './options.ts';
import { createRetrievedFiles, type RetrievedFiles } from './retrieved-files/files.ts';
import { createStreamTruth, type StreamTruth } from './stream-truth.ts';
import { createTokens, type Tokens } from './tokens.ts';

/** All parts of a running simulator, without the network. */
export interface World {
  settings: Settings;
  tenant: Tenant;
  living: Living;
  selector: Selector;
  tokens: Tokens;
  faults: FaultEngine;
  truth: Truth;
  queries: Queries;
  files: RetrievedFiles;
  /** One for each kind of thing. */
  shelves: readonly Shelf[];
  apex: ApexCentral;
  /** The changes of these three. */
  courses: readonly Courses[];
  streamTruth: StreamTruth;
}

export function createWorld(settings: Settings): World {
  const tenant = createTenant(settings);
  const faults = createFaultEngine(settings.seed, settings.faults);
  const living = createLiving(tenant, settings.living, faults.detailFails);
  const queries = createQueries(tenant.facts, settings);
  const files = createRetrievedFiles(tenant.facts, settings);
  const shelves = THINGS.map((thing) => createShelf(thing, tenant.facts, settings));
  const apex = createApexCentral(tenant.facts, settings.endTime, settings.apex);
  const truth = createTruth(tenant, living, faults);
  return {
    settings,
    tenant,
    living,
    faults,
    selector: createSelector(tenant, settings),
    tokens: createTokens(settings),
    truth,
    queries,
    files,
    shelves,
    apex,
    courses: [queries.courses, files.courses, ...shelves.map(({ courses }) => courses)],
    streamTruth: createStreamTruth(tenant.facts, truth, queries, files, shelves, apex),
  };
}

/** Says that a revision of a detection, a query, a retrieved file or a thing was delivered. False: nothing has that id. */
export function confirmRevision(
  { tenant, living, queries, files, shelves }: World,
  id: string,
  ordinal: number,
): boolean {
  const serial = tenant.find(id);
  if (serial !== undefined) living.confirm(serial, ordinal);
  for (const { find, courses } of [queries, files]) {
    const index = find(id);
    if (index === undefined) continue;
    courses.confirm(index, ordinal);
    return true;
  }
  return serial !== undefined || shelves.some((shelf) => shelf.confirm(id, ordinal));
}

/** Holds back all changes, or lets them go. */
export function pauseAll({ living, courses }: World, how: 'pause' | 'resume'): void {
  for (const changing of [living, ...courses]) changing[how]();
}
