/** Every stream beside its connector and its mapping: the one line that a new stream needs. */
import * as cylanceDetection from '../mappings/cylance/detection.ts';
import * as cylanceDetectionRule from '../mappings/cylance/detection-rule.ts';
import * as cylanceInstaquery from '../mappings/cylance/instaquery.ts';
import * as cylanceInstaqueryResult from '../mappings/cylance/instaquery-result.ts';
import * as cylanceRetrievedFile from '../mappings/cylance/retrieved-file.ts';
import * as cylanceRuleSet from '../mappings/cylance/rule-set.ts';
import type { FieldList } from '../mappings/ecs.ts';
import type { Registered } from '../src/types.ts';
import { cylance } from './cylance/client.ts';
import { detection } from './cylance/detection.ts';
import { detectionRule } from './cylance/detection-rule.ts';
import { instaquery } from './cylance/instaquery.ts';
import { instaqueryResult } from './cylance/instaquery-result.ts';
import { retrievedFile } from './cylance/retrieved-file.ts';
import { ruleSet } from './cylance/rule-set.ts';

/** A mapping's module has `mapping` and `fields`: every field that it can set, of which index templates are made. */
export const streams: readonly (Registered & { fields: FieldList })[] = [
  { connector: cylance, stream: detection, ...cylanceDetection },
  { connector: cylance, stream: instaquery, ...cylanceInstaquery },
  { connector: cylance, stream: instaqueryResult, ...cylanceInstaqueryResult },
  { connector: cylance, stream: retrievedFile, ...cylanceRetrievedFile },
  { connector: cylance, stream: detectionRule, ...cylanceDetectionRule },
  { connector: cylance, stream: ruleSet, ...cylanceRuleSet },
];
