import type { Json, Scene } from '../artifacts.ts';
import { deviceIndex, type Facts, type Moment, ruleIndex, SEVERITIES, STATUSES, severityIndex } from '../attributes.ts';
import { type Draws, drawsFor, fraction, SALT } from '../hash.ts';
import { detectionId, phoneticId } from '../ids.ts';
import type { DeviceFacts } from '../names.ts';
import type { RuleFacts } from '../rules.ts';
import { secretsFor } from '../secrets.ts';
import { NEVER, writeTime } from '../times.ts';
import { isSample, occurrenceText, receivedText } from './list-item.ts';
import { responsesOf } from './responses.ts';
import { sampleDetail } from './sample.ts';
import { type Roles, rolesOf, writeArtifacts, writeInterest, writeInvolved } from './scenario.ts';

const STATES = [
  ['Initial State'],
  ['Process Started', 'Second Stage'],
  ['Observed: step one', 'Observed: step two, repeated'],
];
const COMMENTS = [
  '',
  null,
  'checked by the night shift',
  'Überprüft: unkritisch',
  '誤検知かもしれない',
  'see ticket 4711\nsecond line',
];

/** The comment after `edits` changes; each edit gives a different text. */
function commentOf(facts: Facts, moment: Moment): string | null {
  const { comment } = moment.state;
  if (comment > 0) return `Reviewed again (${comment}), ausführlich: see notes`;
  return drawsFor(facts.seed, moment.serial, SALT.comment).pick(COMMENTS);
}

function deviceMember(draws: Draws, device: DeviceFacts, oddForms: boolean): Json {
  const style = oddForms ? draws.below(100) : 99;
  if (style < 4) return { name: device.name, id: device.opticsId };
  if (style < 8) return { Name: device.name, CylanceId: device.opticsId };
  return { CylanceId: device.opticsId, Name: device.name, name: device.name, id: device.opticsId, OsType: device.os };
}

function ruleMember(draws: Draws, rule: RuleFacts, oddForms: boolean): Json {
  const { category: Category, description: Description, id: Id, name: Name } = rule;
  return {
    Category,
    Description,
    Id,
    Name,
    Version: oddForms && draws.chance(0.1) ? String(rule.version) : rule.version,
  };
}

function traceMember(draws: Draws, states: string[], time: number, oddForms: boolean): unknown {
  const steps = states.map((StateName) => ({
    StateName,
    Event: {
      Type: 'Process',
      SubType: draws.pick(['Start', 'Write', 'Connect']),
      Time: writeTime(time, draws.next(), false),
    },
  }));
  return oddForms && draws.chance(0.3) ? steps : steps[0];
}

function exceptionsMember(draws: Draws, oddForms: boolean): unknown {
  if (draws.chance(0.8)) return [];
  return oddForms && draws.chance(0.5)
    ? ['Allow: build servers']
    : [{ Id: 'A1', Name: 'Allow: build servers, all', Version: 3 }];
}

function contextMember(draws: Draws, scene: Scene): Json {
  const Origin = draws.pick(['agent', 'cloud']);
  return {
    OsType: scene.device.os,
    Origin,
    AgentVersion: `3.${draws.below(4)}.${1000 + draws.below(999)}`,
    ...scene.secrets.members(),
  };
}

/** Removes parts that a fraction of the real details lack. */
function thinOut(draws: Draws, moment: Moment, record: Json, oddForms: boolean): void {
  const part = draws.pick([
    'Trace',
    'Context',
    'ZoneIds',
    'Detector',
    'Product',
    'AppliedExceptions',
    'InvolvedArtifacts',
    'ActivationTime',
  ]);
  const percent = draws.below(100);
  if (percent < 6) record[part] = null;
  else if (percent < 12) delete record[part];
  else if (percent < 13) record.ArtifactsOfInterest = null;
  else if (percent < 14) record.AssociatedArtifacts = [];
  else if (percent < 15) delete record.AssociatedArtifacts;
  else if (percent < 16 && oddForms) record.DetectionRule = null;
  else if (percent < 17 && !moment.state.responses) delete record.Responses;
}

function artifactMembers(draws: Draws, roles: Roles, states: string[]): Json {
  return {
    ArtifactsOfInterest: writeInterest(roles.named, states),
    AssociatedArtifacts: writeArtifacts(roles.all, draws.below(100)),
    InvolvedArtifacts: writeInvolved(roles.named),
  };
}

function identity(facts: Facts, moment: Moment, rule: RuleFacts): Json {
  const severity = severityIndex(facts, moment.serial);
  return {
    Id: detectionId(facts.seed, moment.serial),
    PhoneticId: phoneticId(facts.seed, moment.serial),
    Name: rule.name,
    ObjectType: 'Detection',
    OccurrenceTime: occurrenceText(facts, moment),
    ReceivedTime: receivedText(facts, moment),
    SchemaVersion: 1,
    Severity: SEVERITIES[severity],
    SeveritySortLevel: severity,
    Status: STATUSES[moment.state.status],
    StatusSortLevel: moment.state.status,
    TenantId: facts.tenantId,
  };
}

/** The whole detail of one detection at one moment, as an object. */
function generatedDetail(facts: Facts, moment: Moment): Json {
  const { seed, oddForms } = facts;
  const { serial, time } = moment;
  const draws = drawsFor(seed, serial, SALT.detail);
  const rule = facts.rules[ruleIndex(facts, serial)] as RuleFacts;
  const device = facts.devices[deviceIndex(facts, serial)] as DeviceFacts;
  const scene: Scene = {
    draws,
    device,
    users: facts.users,
    time,
    secrets: secretsFor(seed, serial, facts.plantSecrets),
    oddForms,
  };
  const states = draws.pick(STATES);
  const record: Json = {
    ...identity(facts, moment, rule),
    ActivationTime: draws.chance(0.05) ? NEVER : writeTime(time - draws.below(5000), draws.next(), false),
    AppliedExceptions: exceptionsMember(draws, oddForms),
    ...artifactMembers(draws, rolesOf(scene, rule.scenario), states),
    Comment: commentOf(facts, moment),
    Context: contextMember(draws, scene),
    DetectionRule: ruleMember(draws, rule, oddForms),
    Detector: { Name: 'Context Analysis Engine', Version: `2.${draws.below(9)}` },
    Device: deviceMember(draws, device, oddForms),
    Product: { Name: 'Optics', Version: `3.${draws.below(4)}.${1000 + draws.below(500)}` },
    Responses: responsesOf(facts, moment),
    ZoneIds: device.zones,
    Trace: traceMember(draws, states, time, oddForms),
  };
  thinOut(draws, moment, record, oddForms);
  return record;
}

/** The body of a detail reply. The vendor promises no order of members, so some are reversed. */
export function detailJson(facts: Facts, moment: Moment): string {
  if (isSample(facts, moment.serial)) return JSON.stringify(sampleDetail(facts, moment));
  const record = generatedDetail(facts, moment);
  const backwards = fraction(facts.seed, moment.serial, SALT.detail + 100) < 0.03;
  return JSON.stringify(backwards ? Object.fromEntries(Object.entries(record).reverse()) : record);
}
