/** What was done about a detection: the guide's "Responses", with the results of each action. */
import { type Fields, isEmpty, isRecord, itemsAt, keyword, misfit, put, reader, type Unfit } from '../../ecs.ts';
import { pick } from '../../ecs-document.ts';
import { flat } from '../../ecs-flat.ts';
import { partOf } from '../../ecs-frame.ts';
import { date } from '../../ecs-time.ts';
import { merged } from '../shared/base.ts';

const AT = 'cylance.detection.responses';
const ACTIONS = `${AT}.actions`;
const RESULTS = `${ACTIONS}.results`;

const RESPONSE = {
  Status: [],
  Comment: [],
  TenantId: [],
  PhoneticId: [],
  DetectionId: [],
  OccurrenceTime: [],
  ReceivedTime: [],
  ActionResults: [],
  AssociatedArtifacts: [],
  ResponseRuleId: [],
  ResponseRuleVersion: [],
  SchemaVersion: [],
  ObjectType: [],
};
const responsePart = partOf({
  at: AT,
  members: RESPONSE,
  own: {
    status: ['keyword', 'Status'],
    comment: ['match_only_text', 'Comment'],
    tenant_id: ['keyword', 'TenantId'],
    phonetic_id: ['keyword', 'PhoneticId'],
    detection_id: ['keyword', 'DetectionId'],
    occurred: ['date', 'OccurrenceTime', date],
    received: ['date', 'ReceivedTime', date],
    schema_version: ['long', 'SchemaVersion'],
    object_type: ['keyword', 'ObjectType'],
    'actions.name': 'keyword',
    'actions.results.message': 'keyword',
    'actions.results.other': 'flattened',
    'actions.other': 'flattened',
    artifacts: ['flattened', 'AssociatedArtifacts'],
    other: 'flattened',
  },
  alone: 'Comment',
});
const rulePart = partOf({
  at: `${AT}.rule`,
  members: RESPONSE,
  own: { id: ['keyword', 'ResponseRuleId'], version: ['keyword', 'ResponseRuleVersion'] },
});
const responderPart = partOf({
  at: `${ACTIONS}.responder`,
  members: { HandlingResponderName: [], HandlingResponderVersion: [], Results: [] },
  own: { name: ['keyword', 'HandlingResponderName'], version: ['keyword', 'HandlingResponderVersion'] },
});
const resultOf = reader({ Status: [] });
const statusOf = reader({ Message: [], Code: [] });
const codePart = partOf({
  at: `${RESULTS}.code`,
  members: { Ordinal: [], Reason: [], Name: [] },
  own: { name: ['keyword', 'Name'], reason: ['keyword', 'Reason'], ordinal: ['long', 'Ordinal'] },
});

export const RESPONSES = [responsePart, rulePart, responderPart, codePart] as const;

export function responsesOf(unfit: Unfit, value: unknown): Fields[] | undefined {
  const found: Fields[] = [];
  for (const item of itemsAt(unfit, AT, value)) {
    const said = responsePart.read(item);
    const response = responsePart.of(unfit, item, said) ?? {};
    put(response, 'rule', rulePart.of(unfit, item, said));
    put(response, 'actions', actionsOf(unfit, said.ActionResults));
    if (!isEmpty(response)) found.push(response);
  }
  return found.length === 0 ? undefined : found;
}

/** A map from the action's name to what its responder answered. By name, since the order of members says nothing. */
function actionsOf(unfit: Unfit, value: unknown): Fields[] | undefined {
  if (!isRecord(value)) return value === undefined ? undefined : misfit(unfit, ACTIONS, value);
  const found: Fields[] = [];
  for (const name of itemsAt(unfit, ACTIONS, Object.keys(value).sort()) as string[]) {
    const said = responderPart.read(value[name]);
    const action: Fields = {};
    put(action, 'name', keyword(unfit, `${ACTIONS}.name`, name));
    put(action, 'responder', responderPart.of(unfit, value[name], said));
    put(action, 'results', resultsOf(unfit, said.Results));
    put(action, 'other', flat(unfit, `${ACTIONS}.other`, othersOf(value[name], said)));
    if (!isEmpty(action)) found.push(action);
  }
  return found.length === 0 ? undefined : found;
}

function resultsOf(unfit: Unfit, value: unknown): Fields[] | undefined {
  const found: Fields[] = [];
  for (const item of itemsAt(unfit, RESULTS, value)) {
    const outer = resultOf(item);
    const status = statusOf(outer.Status);
    const said = codePart.read(status.Code);
    const result: Fields = {};
    put(result, 'message', keyword(unfit, `${RESULTS}.message`, status.Message));
    put(result, 'code', codePart.of(unfit, status.Code, said));
    const others = merged(merged(othersOf(item, outer), othersOf(outer.Status, status)), othersOf(status.Code, said));
    put(result, 'other', flat(unfit, `${RESULTS}.other`, others));
    if (!isEmpty(result)) found.push(result);
  }
  return found.length === 0 ? undefined : found;
}

/** The members that the guide does not know; a value that is no object is kept whole. */
function othersOf(given: unknown, said: { readonly others?: readonly string[] }): Fields | undefined {
  if (isRecord(given)) return said.others === undefined ? undefined : pick(given, said.others);
  return isEmpty(given) ? undefined : { value: given };
}
