/** Every stream beside its connector and its mapping: the one line that a new stream needs. */
import * as cylanceDetection from '../mappings/cylance/detection.ts';
import * as cylanceFocusView from '../mappings/cylance/focus-view.ts';
import * as cylanceFocusViewResult from '../mappings/cylance/focus-view-result.ts';
import * as cylanceInstaquery from '../mappings/cylance/instaquery.ts';
import * as cylanceInstaqueryResult from '../mappings/cylance/instaquery-result.ts';
import * as cylanceRetrievedFile from '../mappings/cylance/retrieved-file.ts';
import type { FieldList } from '../mappings/ecs.ts';
import type { Registered } from '../src/types.ts';
import { cylance } from './cylance/client.ts';
import { detection } from './cylance/detection.ts';
import { focusView } from './cylance/focus-view.ts';
import { focusViewResult } from './cylance/focus-view-result.ts';
import { instaquery } from './cylance/instaquery.ts';
import { instaqueryResult } from './cylance/instaquery-result.ts';
import { retrievedFile } from './cylance/retrieved-file.ts';

/** A mapping's module has `mapping` and `fields`: every field that it can set, of which index templates are made. */
export const streams: readonly (Registered & { fields: FieldList })[] = [
  { connector: cylance, stream: detection, ...cylanceDetection },
  { connector: cylance, stream: instaquery, ...cylanceInstaquery },
  { connector: cylance, stream: instaqueryResult, ...cylanceInstaqueryResult },
  { connector: cylance, stream: retrievedFile, ...cylanceRetrievedFile },
  { connector: cylance, stream: focusView, ...cylanceFocusView },
  { connector: cylance, stream: focusViewResult, ...cylanceFocusViewResult },
];
