import { devices } from './devices.ts';
import { foci } from './foci.ts';
import type { Thing } from './thing.ts';

/** Every kind of thing, one line each. Appended only: the place in the list gives a kind its planted secrets. */
export const THINGS: readonly Thing[] = [devices, foci];
