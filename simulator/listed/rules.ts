import type { Json } from '../artifacts.ts';
import { uuid } from '../ids.ts';
import type { RuleFacts } from '../rules.ts';
import { writeTime } from '../times.ts';
import type { ItemState, ListedResource, Part } from './resource.ts';

/** The rules that detections name come first, then those of the customer. */

const SEVERITIES = ['Informational', 'Low', 'Medium', 'High'];
const SYSTEMS = [[{ Name: 'Windows' }], [{ Name: 'Windows' }, { Name: 'MacOS' }], [{ Name: 'MacOS' }], []];
const ODD_SYSTEMS = [...SYSTEMS.slice(0, 2), [{ name: 'MacOS' }], []];
const COMMANDS = ['powershell.exe -nop -w hidden', 'net use \\\\srv\\share', 'curl https://x.example.test', 'certutil'];

function factsOf({ facts, index }: ItemState): RuleFacts {
  return facts.rules[index % facts.rules.length] as RuleFacts;
}

/** A rule is renamed, then another user changes its severity without a new version, then its logic changes. */
const STATES = 4;
const NEW_VERSION = [true, true, false, true];

function versionOf({ step, draws }: ItemState): number {
  return 1 + draws('version').below(5) + NEW_VERSION.slice(1, step + 1).filter(Boolean).length;
}

function shared(state: ItemState): Json {
  const { id, step, index, facts, draws } = state;
  const { name, description } = factsOf(state);
  const fixed = draws('shared');
  const own = index < facts.rules.length ? '' : ` (${fixed.pick(['copy', 'Kopie', 'コピー', 'نسخة'])} ${index})`;
  return {
    Id: id,
    Name: step === 0 ? `${fixed.pick(['', '', ' '])}${name}${own}` : `${name}${own}, renamed`,
    Description: fixed.chance(0.9) ? description : fixed.pick(['', null]),
    Version: facts.oddForms && !fixed.chance(0.9) ? String(versionOf(state)) : versionOf(state),
    OperatingSystems: fixed.pick(facts.oddForms ? ODD_SYSTEMS : SYSTEMS),
  };
}

function counts({ step, draws }: ItemState): Json {
  const fixed = draws('counts');
  return { DeviceCount: fixed.below(500) + step, RulesetCount: fixed.below(9), PolicyCount: fixed.below(9) };
}

function item(state: ItemState): Json {
  const { step, time, facts, index, draws } = state;
  const fixed = draws('list');
  const user = draws(`modifier ${Math.floor(step / 2)}`);
  const { DeviceCount, RulesetCount } = counts(state);
  const severity = factsOf(state).severity + (step < 2 ? 0 : 1);
  return {
    ...shared(state),
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

/** The literal that a rule looks for, which may be a command line with a secret. */
function literal({ step, draws, secrets }: ItemState): string {
  const command = draws('literal').pick(COMMANDS);
  return secrets('literal').commandLine(step < STATES - 1 ? command : `${command} /changed`);
}

function states(state: ItemState): Json[] {
  const fixed = state.draws('states');
  const logic = {
    Type: fixed.pick(['EqualsAny', 'ContainsAll', 'matches']),
    Operands: [
      { Source: 'TargetProcess', Data: 'CommandLine' },
      { Source: 'LiteralSet', Data: literal(state) },
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

function whole(state: ItemState): Json {
  const fixed = state.draws('whole');
  return {
    ...shared(state),
    ObjectType: 'DetectionRule',
    Plugin: { Name: 'OpticsDetector' },
    Product: { Name: 'CylanceOPTICS' },
    SchemaVersion: state.facts.oddForms && !fixed.chance(0.9) ? '1' : 1,
    States: states(state),
    ...(fixed.chance(0.3) ? { Paths: [{ StateNames: ['MaliciousApp'] }] } : {}),
    Tags: ['CylanceOPTICS', ...(fixed.chance(0.3) ? ['T1059.001'] : [])],
    ...(fixed.chance(0.3) ? { RuleSourceGrouping: 'Custom Rule' } : {}),
    ...state.secrets('members').members(),
  };
}

/** Natural language: an object with paths; with odd forms also a plain text, or none. */
function spoken(state: ItemState): Json | undefined {
  const form = state.facts.oddForms ? state.draws('natlang').below(4) : 3;
  const sentence = `Target Process Command Line contains '${literal(state)}'.`;
  if (form === 0) return undefined;
  if (form === 1) return sentence as unknown as Json;
  const Paths = [
    [sentence, 'and Instigating Process Name is not "x.exe".'],
    [form === 2 ? { [sentence]: null } : 'или'],
  ];
  return { Name: shared(state).Name, Paths };
}

const isNeeded = ({ step }: ItemState) => NEW_VERSION[step] === true;

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
  reply: (state) => (state.facts.oddForms && !state.draws('counts part').chance(0.9) ? undefined : counts(state)),
};

export const rules: ListedResource = {
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
  // Changes of natural language and counts make no revision.
  record: (state) => ({ ...item(state), ...whole(state) }),
  parts: [natlang, ruleCounts],
};
