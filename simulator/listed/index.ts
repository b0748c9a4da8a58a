import { devices } from './devices.ts';
import { exceptions } from './exceptions.ts';
import { executions } from './executions.ts';
import { foci } from './foci.ts';
import { packages } from './packages.ts';
import type { Thing } from './resource.ts';
import { ruleSets } from './rule-sets.ts';
import { rules } from './rules.ts';
import { threats } from './threats.ts';

/** Every kind of thing, one line each. Appended only: the place in the list gives a kind its planted secrets. */
export const THINGS: readonly Thing[] = [devices, executions, packages, rules, ruleSets, foci, threats, exceptions];
