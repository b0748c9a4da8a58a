/** What was done about a detection: the guide's "Responses", with the results of each action. */
import {
  type Fields,
  filled,
  flat,
  integer,
  isEmpty,
  isRecord,
  itemsAt,
  keyword,
  misfit,
  put,
  reader,
  type Unfit,
} from '../../ecs.ts';
import { date } from '../../ecs-time.ts';
import { merged, pick } from '../shared/base.ts';

const responseOf = reader({
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
});
const actionOf = reader({ HandlingResponderName: [], HandlingResponderVersion: [], Results: [] });
const resultOf = reader({ Status: [] });
const statusOf = reader({ Message: [], Code: [] });
const codeOf = reader({ Ordinal: [], Reason: [], Name: [] });

const AT = 'cylance.detection.responses';
const NAMES = {
  status: `${AT}.status`,
  comment: `${AT}.comment`,
  tenant: `${AT}.tenant_id`,
  phonetic: `${AT}.phonetic_id`,
  detection: `${AT}.detection_id`,
  occurred: `${AT}.occurred`,
  received: `${AT}.received`,
  ruleId: `${AT}.rule.id`,
  ruleVersion: `${AT}.rule.version`,
  schema: `${AT}.schema_version`,
  object: `${AT}.object_type`,
  responder: `${AT}.actions.responder.name`,
  responderVersion: `${AT}.actions.responder.version`,
  message: `${AT}.actions.results.message`,
  codeName: `${AT}.actions.results.code.name`,
  codeReason: `${AT}.actions.results.code.reason`,
  codeOrdinal: `${AT}.actions.results.code.ordinal`,
  actions: `${AT}.actions`,
  results: `${AT}.actions.results`,
  actionOther: `${AT}.actions.other`,
  resultOther: `${AT}.actions.results.other`,
  artifacts: `${AT}.artifacts`,
  other: `${AT}.other`,
} as const;

export function responsesOf(unfit: Unfit, value: unknown): Fields[] | undefined {
  const found: Fields[] = [];
  for (const item of itemsAt(unfit, AT, value)) {
    const response = isRecord(item) ? responseFields(unfit, item) : { comment: keyword(unfit, NAMES.comment, item) };
    if (!isEmpty(response) && Object.values(response).some((part) => part !== undefined)) found.push(response);
  }
  return found.length === 0 ? undefined : found;
}

function responseFields(unfit: Unfit, item: Fields): Fields {
  const said = responseOf(item);
  const result: Fields = {};
  put(result, 'status', keyword(unfit, NAMES.status, said.Status));
  put(result, 'comment', keyword(unfit, NAMES.comment, said.Comment));
  put(result, 'tenant_id', keyword(unfit, NAMES.tenant, said.TenantId));
  put(result, 'phonetic_id', keyword(unfit, NAMES.phonetic, said.PhoneticId));
  put(result, 'detection_id', keyword(unfit, NAMES.detection, said.DetectionId));
  put(result, 'occurred', date(unfit, NAMES.occurred, said.OccurrenceTime));
  put(result, 'received', date(unfit, NAMES.received, said.ReceivedTime));
  const rule: Fields = {};
  put(rule, 'id', keyword(unfit, NAMES.ruleId, said.ResponseRuleId));
  put(rule, 'version', keyword(unfit, NAMES.ruleVersion, said.ResponseRuleVersion));
  put(result, 'rule', filled(rule));
  put(result, 'schema_version', integer(unfit, NAMES.schema, said.SchemaVersion));
  put(result, 'object_type', keyword(unfit, NAMES.object, said.ObjectType));
  put(result, 'actions', actionsOf(unfit, said.ActionResults));
  put(result, 'artifacts', flat(unfit, NAMES.artifacts, said.AssociatedArtifacts));
  put(result, 'other', flat(unfit, NAMES.other, othersOf(item, said)));
  return result;
}

/** A map from the action's name to what its responder answered. By name, since the order of members says nothing. */
function actionsOf(unfit: Unfit, value: unknown): Fields[] | undefined {
  if (!isRecord(value)) return value === undefined ? undefined : misfit(unfit, NAMES.actions, value);
  const found: Fields[] = [];
  for (const name of itemsAt(unfit, NAMES.actions, Object.keys(value).sort()) as string[]) {
    const said = actionOf(value[name]);
    const action: Fields = {};
    put(action, 'name', keyword(unfit, `${AT}.actions.name`, name));
    const responder: Fields = {};
    put(responder, 'name', keyword(unfit, NAMES.responder, said.HandlingResponderName));
    put(responder, 'version', keyword(unfit, NAMES.responderVersion, said.HandlingResponderVersion));
    put(action, 'responder', filled(responder));
    put(action, 'results', resultsOf(unfit, said.Results));
    put(action, 'other', flat(unfit, NAMES.actionOther, othersOf(value[name], said)));
    if (!isEmpty(action)) found.push(action);
  }
  return found.length === 0 ? undefined : found;
}

function resultsOf(unfit: Unfit, value: unknown): Fields[] | undefined {
  const found: Fields[] = [];
  for (const item of itemsAt(unfit, NAMES.results, value)) {
    const outer = resultOf(item);
    const status = statusOf(outer.Status);
    const said = codeOf(status.Code);
    const code: Fields = {};
    put(code, 'name', keyword(unfit, NAMES.codeName, said.Name));
    put(code, 'reason', keyword(unfit, NAMES.codeReason, said.Reason));
    put(code, 'ordinal', integer(unfit, NAMES.codeOrdinal, said.Ordinal));
    const result: Fields = {};
    put(result, 'message', keyword(unfit, NAMES.message, status.Message));
    put(result, 'code', filled(code));
    const others = merged(merged(othersOf(item, outer), othersOf(outer.Status, status)), othersOf(status.Code, said));
    put(result, 'other', flat(unfit, NAMES.resultOther, others));
    if (!isEmpty(result)) found.push(result);
  }
  return found.length === 0 ? undefined : found;
}

/** What the guide does not know of it; what is no object at all is kept whole. */
function othersOf(given: unknown, said: { readonly others?: readonly string[] }): Fields | undefined {
  if (isRecord(given)) return said.others === undefined ? undefined : pick(given, said.others);
  return isEmpty(given) ? undefined : { value: given };
}
