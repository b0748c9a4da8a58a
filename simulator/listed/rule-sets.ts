import type { Json } from '../artifacts.ts';
import { uuid } from '../ids.ts';
import { writeTime } from '../times.ts';
import type { ItemState, ListedResource } from './resource.ts';

/** Sets of the rules that detections name, each with the responses of its rules. */

const HOUR = 3_600_000;
const SEVERITIES = ['Informational', 'Low', 'Medium', 'High'];
const NAMES = ['Default Detection Set', 'Server, nur melden', '監視セット', 'مجموعة القواعد', ' padded set '];

function shared({ id, step, index, time, draws }: ItemState): Json {
  const fixed = draws('shared');
  const user = draws('modifier');
  const name = fixed.pick(NAMES);
  return {
    name: step < 3 ? `${name}${index < 5 ? '' : ` ${index}`}` : `${name} ${index}, renamed`,
    description: fixed.pick(['My Detection Rule Set Description', '', null]),
    notification_message: fixed.pick(['Rufen Sie die 4711 an.', 'Call 4711: now!', null]),
    id,
    last_modified: writeTime(time + step * HOUR, fixed.next(), false),
    modified_by: { id: uuid(user.next), login: user.pick(['user@test.com', 'аналитик@corp.example', 'CORP\\soc']) },
    category: fixed.pick(['Custom', 'Cylance', 'custom']),
  };
}

/** A rule set: the second state changes the policy, the third a rule, the last the name. */
function item(state: ItemState): Json {
  const fixed = state.draws('list');
  const policies = Array.from({ length: fixed.below(3) + (state.step > 0 ? 1 : 0) }, () => uuid(fixed.next));
  return { ...shared(state), policies, device_count: fixed.below(900) + state.step };
}

function response({ facts, step, time, draws, secrets }: ItemState, nth: number): Json {
  const fixed = draws(`response ${nth}`);
  const secret = secrets(`response ${nth}`);
  return {
    template_id: uuid(fixed.next),
    response_rule_id: uuid(fixed.next),
    response_rule_version: facts.oddForms && !fixed.chance(0.9) ? '1' : 1,
    description: fixed.pick(['Delete file', 'Terminate process', 'Run script: collect']),
    value: fixed.pick([{}, null, { Arguments: secret.commandLine('collect.exe /all') }, facts.oddForms ? 'later' : {}]),
    enabled: true,
    created: writeTime(time + (step > 1 ? 1 : 0), fixed.next(), false),
    ...secret.members(),
  };
}

function rule(state: ItemState, nth: number): Json {
  const { facts, index, time, draws } = state;
  const known = facts.rules[(index * 3 + nth) % facts.rules.length];
  const fixed = draws(`rule ${nth}`);
  const responses = Array.from({ length: fixed.below(3) }, (_, at) => response(state, nth * 10 + at));
  return {
    detection_rule_id: known?.id,
    detection_rule_version: known?.version,
    detection_name: known?.name,
    detection_description: known?.description,
    category: 'Cylance Rules',
    severity: SEVERITIES[known?.severity ?? 0],
    operating_systems: fixed.pick([
      [{ Name: 'Windows' }],
      facts.oddForms ? [{ name: 'MacOS' }, { name: 'Windows' }] : [{ Name: 'MacOS' }],
      [],
    ]),
    date_added: writeTime(time, fixed.next(), false),
    enabled: true,
    notification_enabled: fixed.chance(0.5),
    responses,
    exceptions: fixed.chance(0.3)
      ? [{ exception_id: uuid(fixed.next), enabled: true, name: 'My Detection Exception' }]
      : [],
    playbooks: fixed.chance(0.3) ? [uuid(fixed.next)] : [],
  };
}

function whole(state: ItemState): Json {
  const length = 1 + state.draws('rules').below(6) + (state.step > 1 ? 1 : 0);
  return { ...shared(state), rules: Array.from({ length }, (_, nth) => rule(state, nth)) };
}

export const ruleSets: ListedResource = {
  name: 'rule-sets',
  stream: 'cylance.rule_set',
  usual: 30,
  path: '/rulesets/v2',
  scope: 'opticsruleset:list',
  detailScope: 'opticsruleset:read',
  states: 4,
  item,
  whole,
  record: (state) => ({ ...item(state), ...whole(state) }),
};
