/** Every stream beside its connector and its mapping: the one line that a new stream needs. */
import * as cylanceDetection from '../mappings/cylance/detection.ts';
import * as cylanceException from '../mappings/cylance/exception.ts';
import * as cylanceInstaquery from '../mappings/cylance/instaquery.ts';
import * as cylanceInstaqueryResult from '../mappings/cylance/instaquery-result.ts';
import * as cylancePackageExecution from '../mappings/cylance/package-execution.ts';
import * as cylanceRetrievedFile from '../mappings/cylance/retrieved-file.ts';
import type { FieldList } from '../mappings/ecs.ts';
import type { Registered } from '../src/types.ts';
import { cylance } from './cylance/client.ts';
import { detection } from './cylance/detection.ts';
import { exception } from './cylance/exception.ts';
import { instaquery } from './cylance/instaquery.ts';
import { instaqueryResult } from './cylance/instaquery-result.ts';
import { packageExecution } from './cylance/package-execution.ts';
import { retrievedFile } from './cylance/retrieved-file.ts';

/** A mapping's module has `mapping` and `fields`: every field that it can set, of which index templates are made. */
export const streams: readonly (Registered & { fields: FieldList })[] = [
  { connector: cylance, stream: detection, ...cylanceDetection },
  { connector: cylance, stream: instaquery, ...cylanceInstaquery },
  { connector: cylance, stream: instaqueryResult, ...cylanceInstaqueryResult },
  { connector: cylance, stream: retrievedFile, ...cylanceRetrievedFile },
  { connector: cylance, stream: packageExecution, ...cylancePackageExecution },
  { connector: cylance, stream: exception, ...cylanceException },
];
