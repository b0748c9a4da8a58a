import { devices } from './devices.ts';
import { exceptions } from './exceptions.ts';
import { executions } from './executions.ts';
import { foci } from './foci.ts';
import { packages } from './packages.ts';
import type { ListedResource } from './resource.ts';
import { ruleSets } from './rule-sets.ts';
import { rules } from './rules.ts';
import { threats } from './threats.ts';

/** All listed resources, one line each. New ones go to the end: the place in the list decides the planted secrets. */
export const LISTED: readonly ListedResource[] = [
  devices,
  executions,
  packages,
  rules,
  ruleSets,
  foci,
  threats,
  exceptions,
];
