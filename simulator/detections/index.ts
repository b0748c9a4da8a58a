import { resource } from '../resource.ts';
import * as answers from './answers.ts';
import { createLiving } from './living.ts';
import { createSelector } from './selection.ts';
import { createTenant } from './tenant.ts';
import { createTruth } from './truth.ts';

/** Detections: each is a function of its serial, and only changes are kept, so that a million take no more memory than ten. */

const PATH = '/detections/v2';
const LIST = 'opticsdetect:list';

export const detections = resource<answers.Detections>({
  name: 'detections',
  streams: ['cylance.detection'],
  routes: [
    { endpoint: 'list', path: PATH, scope: LIST, answer: answers.listDetections },
    { endpoint: 'recent', path: `${PATH}/recent`, scope: LIST, answer: answers.recentDetections },
    { endpoint: 'csv', path: `${PATH}/csv`, scope: LIST, answer: answers.detectionsCsv },
    { endpoint: 'severity', path: `${PATH}/severity`, scope: LIST, answer: answers.severities },
    { endpoint: 'detail', path: `${PATH}/{id}/details`, scope: 'opticsdetect:read', answer: answers.detectionDetail },
  ],
  create({ settings, facts, faults }) {
    const tenant = createTenant(facts, settings);
    const living = createLiving(tenant, settings.living, faults.detailFails);
    return {
      ...{ settings, faults, tenant, living, lifecycle: living },
      selector: createSelector(tenant, settings),
      truth: { 'cylance.detection': createTruth(tenant, living, faults) },
      confirm: (id, ordinal) => {
        const serial = tenant.find(id);
        if (serial !== undefined) living.confirm(serial, ordinal);
        return serial !== undefined;
      },
      served: (id) => {
        const serial = tenant.find(id);
        if (serial === undefined) return undefined;
        return {
          listed: living.wasListed(serial),
          presentState: living.isServed(serial),
          deleted: !tenant.order.exists(serial),
        };
      },
    };
  },
});
