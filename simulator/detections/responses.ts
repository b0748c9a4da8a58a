import type { Json } from '../artifacts.ts';
import type { Facts, Moment } from '../attributes.ts';
import { type Draws, drawsFor, SALT } from '../hash.ts';
import { detectionId, phoneticId, uuid } from '../ids.ts';
import { secretsFor } from '../secrets.ts';
import { writeTime } from '../times.ts';

const ACTIONS = ['Terminate Process', 'Delete File', 'Suspend Process', 'Log Off User', 'Notify: User, Desktop'];
const CODES = [
  { Ordinal: 0, Reason: 'The action was completed', Name: 'Success' },
  { Ordinal: 3, Reason: 'The target was gone', Name: 'NotFound' },
  { Ordinal: 7, Reason: 'Access was denied: protected', Name: 'Failure' },
];

function actionResults(draws: Draws): Json {
  const results: Json = {};
  for (let left = 1 + draws.below(2); left > 0; left--) {
    const Code = draws.pick(CODES);
    const Results = [{ Status: { Message: draws.chance(0.3) ? '' : `${Code.Name}, code ${Code.Ordinal}`, Code } }];
    const name = draws.pick(ACTIONS);
    results[name] = { HandlingResponderVersion: draws.below(4), HandlingResponderName: `${name} Responder`, Results };
  }
  return results;
}

function response(facts: Facts, moment: Moment, index: number): Json {
  const { seed } = facts;
  const draws = drawsFor(seed, moment.serial * 31 + index, SALT.responses);
  const when = moment.received + (index + 1) * 1000 + draws.below(900);
  return {
    Status: draws.pick(['New', 'Done']),
    Comment: draws.chance(0.5) ? null : 'automatic',
    TenantId: facts.tenantId,
    PhoneticId: phoneticId(seed, moment.serial),
    DetectionId: detectionId(seed, moment.serial),
    OccurrenceTime: writeTime(when, draws.next(), false),
    ActionResults: actionResults(draws),
    AssociatedArtifacts: [],
    ResponseRuleId: uuid(draws.next),
    SchemaVersion: 1,
    ResponseRuleVersion: facts.oddForms && draws.chance(0.1) ? '2' : 2,
    ReceivedTime: writeTime(when + 500, draws.next(), false),
    ObjectType: 'Response',
    ...(draws.chance(0.5) ? secretsFor(seed, moment.serial, facts.plantSecrets, index + 1).members() : {}),
  };
}

/** The first responses of a detection, followed by those that a living tenant added. */
export function responsesOf(facts: Facts, moment: Moment): Json[] {
  const born = [0, 0, 0, 1, 1, 2][drawsFor(facts.seed, moment.serial, SALT.responses).below(6)] ?? 0;
  return Array.from({ length: born + moment.state.responses }, (_, index) => response(facts, moment, index));
}
