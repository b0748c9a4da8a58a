import type { Json } from '../artifacts.ts';
import { uuid } from '../ids.ts';
import type { RuleFacts } from '../rules.ts';
import { writeTime } from '../times.ts';
import type { Part, Place, Thing } from './resource.ts';

/** The rules that detections name come first; more than those are a customer's own. */

const SEVERITIES = ['Informational', 'Low', 'Medium', 'High'];
const SYSTEMS = [[{ Name: 'Windows' }], [{ Name: 'Windows' }, { Name: 'MacOS' }], [{ Name: 'MacOS' }], []];
const ODD_SYSTEMS = [...SYSTEMS.slice(0, 2), [{ name: 'MacOS' }], []];
const COMMANDS = ['powershell.exe -nop -w hidden', 'net use \\\\srv\\share', 'curl https://x.example.test', 'certutil'];

function factsOf({ facts, index }: Place): RuleFacts {
  return facts.rules[index % facts.rules.length] as RuleFacts;
}

/** It is renamed, then somebody else changes its severity without a new version, then its logic changes. */
const STATES = 4;
const NEW_VERSION = [true, true, false, true];

function versionOf({ step, draws }: Place): number {
  return 1 + draws('version').below(5) + NEW_VERSION.slice(1, step + 1).filter(Boolean).length;
}

function shared(place: Place): Json {
  const { id, step, index, facts, draws } = place;
  const { name, description } = factsOf(place);
  const fixed = draws('shared');
  const own = index < facts.rules.length ? '' : ` (${fixed.pick(['copy', 'Kopie', 'コピー', 'نسخة'])} ${index})`;
  return {
    Id: id,
    Name: step === 0 ? `${fixed.pick(['', '', ' '])}${name}${own}` : `${name}${own}, renamed`,
    Description: fixed.chance(0.9) ? description : fixed.pick(['', null]),
    Version: facts.oddForms && !fixed.chance(0.9) ? String(versionOf(place)) : versionOf(place),
    OperatingSystems: fixed.pick(facts.oddForms ? ODD_SYSTEMS : SYSTEMS),
  };
}

function counts({ step, draws }: Place): Json {
  const fixed = draws('counts');
  return { DeviceCount: fixed.below(500) + step, RulesetCount: fixed.below(9), PolicyCount: fixed.below(9) };
}

function item(place: Place): Json {
  const { step, time, facts, index, draws } = place;
  const fixed = draws('list');
  const user = draws(`modifier ${Math.floor(step / 2)}`);
  const { DeviceCount, RulesetCount } = counts(place);
  const severity = factsOf(place).severity + (step < 2 ? 0 : 1);
  return {
    ...shared(place),
    LastModified: writeTime(time + step * 3_600_000, fixed.next(), false),
    ModifiedBy: { id: uuid(user.next), login: user.pick(['user@test.com', 'аналитик@corp.example', 'CORP\\soc', '']) },
    Severity: fixed.chance(0.1) ? SEVERITIES[severity % 4]?.toUpperCase() : SEVERITIES[severity % 4],
    DeviceCount,
    RulesetCount,
    Category:
      index < facts.rules.length
        ? fixed.pick(['Cylance Rules', 'Cylance Experimental'])
        : fixed.pick(['Custom', 'custom']),
  };
}

/** What it looks for: a literal, which may be a command line with a secret in it. */
function literal({ step, draws, secrets }: Place): string {
  const command = draws('literal').pick(COMMANDS);
  return secrets('literal').commandLine(step < STATES - 1 ? command : `${command} /changed`);
}

function states(place: Place): Json[] {
  const fixed = place.draws('states');
  const logic = {
    Type: fixed.pick(['EqualsAny', 'ContainsAll', 'matches']),
    Operands: [
      { Source: 'TargetProcess', Data: 'CommandLine' },
      { Source: 'LiteralSet', Data: literal(place) },
      { Source: 'LiteralSet', Data: fixed.pick([['a.exe', 'б.exe'], 7, null, { Nested: ['deep'] }]) },
    ],
    OperandType: fixed.pick(['string', 'String']),
    Options: { IgnoreCase: fixed.chance(0.5) },
  };
  return [
    {
      Name: fixed.pick(['MaliciousApp', 'Zustand 1', '状態']),
      Scope: 'Global',
      Function: fixed.pick(['Function', '(a | b) & !c']),
      FieldOperators: { a: logic },
      Actions: [{ Type: 'AOI', ItemName: 'InstigatingProcess', Position: 'PostActivation' }],
      Filters: [{ Type: 'Event', Data: { Category: 'Process', SubCategory: '', Type: '*' } }],
    },
  ];
}

function whole(place: Place): Json {
  const fixed = place.draws('whole');
  return {
    ...shared(place),
    ObjectType: 'DetectionRule',
    Plugin: { Name: 'OpticsDetector' },
    Product: { Name: 'CylanceOPTICS' },
    SchemaVersion: place.facts.oddForms && !fixed.chance(0.9) ? '1' : 1,
    States: states(place),
    ...(fixed.chance(0.3) ? { Paths: [{ StateNames: ['MaliciousApp'] }] } : {}),
    Tags: ['CylanceOPTICS', ...(fixed.chance(0.3) ? ['T1059.001'] : [])],
    ...(fixed.chance(0.3) ? { RuleSourceGrouping: 'Custom Rule' } : {}),
    ...place.secrets('members').members(),
  };
}

/** An object with paths; with odd forms also only a text, or nothing at all. */
function spoken(place: Place): Json | undefined {
  const form = place.facts.oddForms ? place.draws('natlang').below(4) : 3;
  const sentence = `Target Process Command Line contains '${literal(place)}'.`;
  if (form === 0) return undefined;
  if (form === 1) return sentence as unknown as Json;
  const Paths = [
    [sentence, 'and Instigating Process Name is not "x.exe".'],
    [form === 2 ? { [sentence]: null } : 'или'],
  ];
  return { Name: shared(place).Name, Paths };
}

const isNeeded = ({ step }: Place) => NEW_VERSION[step] === true;

const natlang: Part = {
  name: 'natlang',
  path: '/rules/v2/{id}/natlang',
  scope: 'opticsrule:read',
  isNeeded,
  reply: spoken,
};

const ruleCounts: Part = {
  name: 'counts',
  path: '/rules/v2/{id}/counts',
  scope: 'opticsrule:read',
  isNeeded,
  reply: (place) => (place.facts.oddForms && !place.draws('counts part').chance(0.9) ? undefined : counts(place)),
};

export const rules: Thing = {
  name: 'rules',
  stream: 'cylance.detection_rule',
  usual: 60,
  path: '/rules/v2',
  scope: 'opticsrule:list',
  detailScope: 'opticsrule:read',
  states: STATES,
  idOf: (facts, index, draws) => facts.rules[index]?.id ?? uuid(draws.next),
  item,
  whole,
  // What natural language and counts add never makes a revision.
  record: (place) => ({ ...item(place), ...whole(place) }),
  parts: [natlang, ruleCounts],
};
