/** Every stream beside its connector and its mapping: the one line that a new stream needs. */
import { mapping as cylanceDetection } from '../mappings/cylance/detection.ts';
import { fields as cylanceDetectionFields } from '../mappings/cylance/detection-fields.ts';
import type { FieldList } from '../mappings/ecs.ts';
import type { Registered } from '../src/types.ts';
import { cylance } from './cylance/client.ts';
import { detection } from './cylance/detection.ts';

/** `fields` is every field that the mapping can set: index templates are made of it. */
export const streams: readonly (Registered & { fields: FieldList })[] = [
  { connector: cylance, stream: detection, mapping: cylanceDetection, fields: cylanceDetectionFields },
];
