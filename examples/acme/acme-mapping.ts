/** Door alarms as ECS. */
import type { DeclaredFields, EcsDocument, Mapping } from 'sluice';
import { ECS_VERSION, type Fields, keyword, moment, put, set, text, type Unfit } from 'sluice/mapping';

export const fields: DeclaredFields = {
  prefix: 'acme.alarm',
  custom: { 'acme.alarm.door': 'keyword', 'acme.alarm.state': 'keyword', 'acme.alarm.unfit': 'flattened' },
  ecs: [
    ...['@timestamp', 'ecs.version', 'message', 'organization.id', 'observer.vendor'],
    ...['event.kind', 'event.category', 'event.type', 'event.module', 'event.dataset', 'event.id', 'event.reason'],
  ],
};

export const mapping: Mapping = (record, source) => {
  const { id, at, door, state, reason } = record as Fields;
  const unfit: Unfit = {}; // values that do not fit their field are kept here, and the document is shipped all the same
  const own: Fields = {};
  put(own, 'door', keyword(unfit, 'acme.alarm.door', door));
  put(own, 'state', keyword(unfit, 'acme.alarm.state', state));
  const event: Fields = { kind: 'alert', category: ['intrusion_detection'], type: ['info'] };
  Object.assign(event, { module: 'acme', dataset: 'acme.alarm', id: text(id) });
  put(event, 'reason', keyword(unfit, 'event.reason', reason));
  const time = moment(unfit, '@timestamp', at);
  if (Object.keys(unfit).length > 0) own.unfit = unfit;
  const document: EcsDocument = {
    ...(time !== undefined && { '@timestamp': time }),
    ecs: { version: ECS_VERSION },
    message: `Alarm at ${text(door) ?? 'a door'}`,
    organization: { id: source.tenantId },
    observer: { vendor: 'Acme' },
    event,
  };
  set(document, 'acme.alarm', own); // unless it is empty
  return document;
};
