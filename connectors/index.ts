/** Every stream beside its connector and its mapping: the one line that a new stream needs. */
import { mapping as cylanceDetection } from '../mappings/cylance/detection.ts';
import type { Registered } from '../src/types.ts';
import { cylance } from './cylance/client.ts';
import { detection } from './cylance/detection.ts';

export const streams: readonly Registered[] = [
  { connector: cylance, stream: detection, mapping: cylanceDetection },
];
