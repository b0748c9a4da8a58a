import { access } from './access.ts';
import { apexCentral } from './apex-central/index.ts';
import { detections } from './detections/index.ts';
import { extras } from './extras/index.ts';
import { instaQueries } from './instaqueries/index.ts';
import { listedResource } from './listed/answers.ts';
import { LISTED } from './listed/index.ts';
import type { Resource } from './resource.ts';
import { retrievedFiles } from './retrieved-files/index.ts';

/** Everything that the simulator serves. Routes, faults, counters, scopes, changes and the truth follow from it. */
export const RESOURCES: readonly Resource[] = [
  ...[access, detections, instaQueries, retrievedFiles, apexCentral],
  ...LISTED.map(listedResource),
  extras,
];

const routes = RESOURCES.flatMap((one) => one.routes);

/** The endpoints that rules of a fault plan may name. */
export const ENDPOINTS: readonly string[] = [...new Set(['any', ...routes.map(({ endpoint }) => endpoint)])];

export const SCOPES: readonly string[] = [...new Set(routes.flatMap(({ scope }) => scope ?? []))];

export const STREAMS: readonly string[] = RESOURCES.flatMap(({ streams }) => streams);

/** The number of items that the command serves, by resource, for each resource in the option `items`. */
export const COUNTED: Readonly<Record<string, number>> = Object.fromEntries(
  RESOURCES.flatMap(({ name, usual }) => (usual === undefined ? [] : [[name, usual]])),
);
