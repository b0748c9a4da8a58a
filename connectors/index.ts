/** Every stream beside its connector and its mapping: the one line that a new stream needs. */
import * as cylanceDetection from '../mappings/cylance/detection.ts';
import type { FieldList } from '../mappings/ecs.ts';
import type { Registered } from '../src/types.ts';
import { cylance } from './cylance/client.ts';
import { detection } from './cylance/detection.ts';

/** A mapping's module has `mapping` and `fields`: every field that it can set, of which index templates are made. */
export const streams: readonly (Registered & { fields: FieldList })[] = [
  { connector: cylance, stream: detection, ...cylanceDetection },
];
