/** Every stream with its connector and its mapping: a new stream needs one line here. */
import * as apexCentralFootprint from '../mappings/apex-central/footprint.ts';
import * as cylanceDetection from '../mappings/cylance/detection.ts';
import * as cylanceDetectionRule from '../mappings/cylance/detection-rule.ts';
import * as cylanceDevice from '../mappings/cylance/device.ts';
import * as cylanceDeviceLockdown from '../mappings/cylance/device-lockdown.ts';
import * as cylanceException from '../mappings/cylance/exception.ts';
import * as cylanceFocusView from '../mappings/cylance/focus-view.ts';
import * as cylanceFocusViewResult from '../mappings/cylance/focus-view-result.ts';
import * as cylanceInstaquery from '../mappings/cylance/instaquery.ts';
import * as cylanceInstaqueryResult from '../mappings/cylance/instaquery-result.ts';
import * as cylancePackage from '../mappings/cylance/package.ts';
import * as cylancePackageExecution from '../mappings/cylance/package-execution.ts';
import * as cylanceRetrievedFile from '../mappings/cylance/retrieved-file.ts';
import * as cylanceRuleSet from '../mappings/cylance/rule-set.ts';
import * as cylanceThreat from '../mappings/cylance/threat.ts';
import * as cylanceThreatDevice from '../mappings/cylance/threat-device.ts';
import type { FieldList } from '../mappings/ecs.ts';
import type { Registered } from '../src/index.ts';
import { footprint } from './apex-central/footprint.ts';
import { apexCentral } from './apex-central/shared/client.ts';
import { detection } from './cylance/detection.ts';
import { detectionRule } from './cylance/detection-rule.ts';
import { device } from './cylance/device.ts';
import { deviceLockdown } from './cylance/device-lockdown.ts';
import { exception } from './cylance/exception.ts';
import { focusView } from './cylance/focus-view.ts';
import { focusViewResult } from './cylance/focus-view-result.ts';
import { instaquery } from './cylance/instaquery.ts';
import { instaqueryResult } from './cylance/instaquery-result.ts';
import { packageStream } from './cylance/package.ts';
import { packageExecution } from './cylance/package-execution.ts';
import { retrievedFile } from './cylance/retrieved-file.ts';
import { ruleSet } from './cylance/rule-set.ts';
import { cylance } from './cylance/shared/client.ts';
import { threat } from './cylance/threat.ts';
import { threatDevice } from './cylance/threat-device.ts';

/** A mapping's module has `mapping`, and in `fields` every field that it can set, from which index templates are made. */
export const streams: readonly (Registered & { fields: FieldList })[] = [
  { connector: cylance, stream: detection, ...cylanceDetection },
  { connector: cylance, stream: instaquery, ...cylanceInstaquery },
  { connector: cylance, stream: instaqueryResult, ...cylanceInstaqueryResult },
  { connector: cylance, stream: retrievedFile, ...cylanceRetrievedFile },
  { connector: cylance, stream: packageExecution, ...cylancePackageExecution },
  { connector: cylance, stream: packageStream, ...cylancePackage },
  { connector: cylance, stream: device, ...cylanceDevice },
  { connector: cylance, stream: deviceLockdown, ...cylanceDeviceLockdown },
  { connector: cylance, stream: detectionRule, ...cylanceDetectionRule },
  { connector: cylance, stream: ruleSet, ...cylanceRuleSet },
  { connector: cylance, stream: exception, ...cylanceException },
  { connector: cylance, stream: threat, ...cylanceThreat },
  { connector: cylance, stream: threatDevice, ...cylanceThreatDevice },
  { connector: cylance, stream: focusView, ...cylanceFocusView },
  { connector: cylance, stream: focusViewResult, ...cylanceFocusViewResult },
  { connector: apexCentral, stream: footprint, ...apexCentralFootprint },
];
