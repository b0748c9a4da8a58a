import type { Json } from '../artifacts.ts';
import { deviceIndex, type Facts, type Moment, ruleIndex, SEVERITIES, STATUSES, severityIndex } from '../attributes.ts';
import { detectionId, phoneticId } from '../ids.ts';
import { isoText } from '../times.ts';

/** Members that the guide's sample shares between a detection and its response. */
function common(facts: Facts, moment: Moment): Json {
  const time = `${isoText(moment.time)}Z`;
  return {
    TenantId: facts.tenantId,
    PhoneticId: phoneticId(facts.seed, moment.serial),
    OccurrenceTime: time,
    ReceivedTime: time,
  };
}

function sampleResponse(facts: Facts, moment: Moment): Json {
  const Status = { Message: 'string', Code: { Ordinal: 0, Reason: 'string', Name: 'string' } };
  const result = { HandlingResponderVersion: 0, HandlingResponderName: 'string', Results: [{ Status }] };
  return {
    Status: 'New',
    Comment: 'string',
    DetectionId: detectionId(facts.seed, moment.serial),
    ...common(facts, moment),
    ActionResults: { additionalProp1: result, additonalProp2: result, additonalProp3: result },
    AssociatedArtifacts: [{}],
    ResponseRuleId: 'string',
    SchemaVersion: 0,
    ResponseRuleVersion: 0,
    ObjectType: 'string',
  };
}

/**
 * The guide's own sample: every documented member and no other, placeholders and empty objects included, with ids,
 * times and enumerations made valid so that it can be served among the others.
 */
export function sampleDetail(facts: Facts, moment: Moment): Json {
  const { seed } = facts;
  const device = facts.devices[deviceIndex(facts, moment.serial)];
  const severity = severityIndex(facts, moment.serial);
  return {
    Id: detectionId(seed, moment.serial),
    ActivationTime: `${isoText(moment.time)}Z`,
    AppliedExceptions: 'Unknown Type: list',
    ArtifactsOfInterest: {},
    AssociatedArtifacts: [{}],
    Comment: 'string',
    DetectionRule: {},
    Detector: {},
    Device: { name: device?.name, id: device?.opticsId },
    Name: facts.rules[ruleIndex(facts, moment.serial)]?.name,
    Product: {},
    ...common(facts, moment),
    SchemaVersion: 0,
    Severity: SEVERITIES[severity],
    SeveritySortLevel: severity,
    Status: STATUSES[moment.state.status],
    StatusSortLevel: moment.state.status,
    ZoneIds: ['string'],
    Trace: {},
    Context: {},
    InvolvedArtifacts: {},
    Responses: [sampleResponse(facts, moment)],
  };
}
