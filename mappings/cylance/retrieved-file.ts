/**
 * Files that somebody fetched from a device: the guide's "Get Retrieved Files Results". A record says that the file was
 * asked for and how far that is; `password` and `download_url` open the file and are never written, whoever hands them in.
 */
import { members } from '../../members/cylance/retrieved-file.ts';
import type { EcsDocument, Mapping } from '../../src/index.ts';
import {
  type FieldList,
  type Fields,
  flat,
  isRecord,
  keyword,
  put,
  type Related,
  reader,
  text,
  truth,
  type Unfit,
} from '../ecs.ts';
import type { Facts } from './shared/artifacts.ts';
import { conclude, EVERY_DOCUMENT, hostOf, moment, originOf, personOf, pick, title } from './shared/base.ts';
import { fileAlone } from './shared/places.ts';

const PREFIX = 'cylance.retrieved_file';

export const fields: FieldList = {
  prefix: PREFIX,
  custom: {
    'cylance.retrieved_file.status': 'keyword',
    'cylance.retrieved_file.status_description': 'keyword',
    'cylance.retrieved_file.correlation_id': 'keyword',
    'cylance.retrieved_file.tenant_id': 'keyword',
    'cylance.retrieved_file.device_id': 'keyword',
    /** True in the document of one that the list does not have any more. */
    'cylance.retrieved_file.deleted': 'boolean',
    /** Members of the record that the guide does not know. */
    'cylance.retrieved_file.other': 'flattened',
    /** Values that did not fit the field they were meant for, by that field's name. */
    'cylance.retrieved_file.unfit': 'flattened',
  },
  ecs: [
    ...EVERY_DOCUMENT,
    'event.outcome',
    'event.reason',
    'event.created',
    'host.id',
    'host.name',
    'user.id',
    'user.name',
    'user.domain',
    'user.email',
    'file.path',
    'file.name',
    'file.directory',
    'file.extension',
    'file.type',
    'file.hash.md5',
    'file.hash.sha1',
    'file.hash.sha256',
    'related.hosts',
    'related.user',
    'related.hash',
  ],
};

const retrievedOf = reader(members);
type Retrieved = ReturnType<typeof retrievedOf>;

export const mapping: Mapping = (record, source) => {
  if (!isRecord(record)) throw new Error('the record is no object');
  const retrieved = retrievedOf(record);
  const unfit: Unfit = {};
  const own: Fields = {};
  const related: Related = { hosts: [], ip: [], user: [], hash: [] };
  const requested = moment(unfit, '@timestamp', retrieved.created_at);
  const event: Fields = { kind: 'event', category: ['file'], type: ['info'], module: 'cylance', dataset: PREFIX };
  put(event, 'created', requested);
  const document: EcsDocument = {
    '@timestamp': requested,
    ...originOf(source, retrieved.tenant_id),
    event,
  };
  put(document, 'host', hostOf(retrieved.device_id, retrieved.hostname, unfit, own, related));
  put(document, 'user', personOf(retrieved.user_id, retrieved.user_login, unfit, related));
  const file = fileOf(retrieved, unfit, related);
  put(document, 'file', file);
  outcome(retrieved, event, unfit, own);
  put(own, 'correlation_id', keyword(unfit, `${PREFIX}.correlation_id`, retrieved.correlation_id));
  put(own, 'tenant_id', keyword(unfit, `${PREFIX}.tenant_id`, retrieved.tenant_id));
  document.message = titleOf(document, own);
  if (truth(unfit, `${PREFIX}.deleted`, retrieved.Deleted) === true) {
    own.deleted = true; // the record is gone; of the file itself nothing is said
    document.message = title(`${document.message} (not listed any more)`);
  }
  if (retrieved.others !== undefined)
    put(own, 'other', flat(unfit, `${PREFIX}.other`, closed(pick(record, retrieved.others))));
  conclude(document, PREFIX, { own, unfit, related });
  if (source.keepOriginal) event.original = JSON.stringify(record, withoutOpeners);
  return document;
};

const OPENERS: ReadonlySet<string> = new Set(['password', 'download_url', 'downloadurl']);

/** The engine has removed them already. This costs little, and they give away the file. */
function withoutOpeners(member: string, value: unknown): unknown {
  return OPENERS.has(member.toLowerCase()) ? undefined : value;
}

function closed(content: Fields): unknown {
  return JSON.parse(JSON.stringify(content, withoutOpeners));
}

function fileOf(retrieved: Retrieved, unfit: Unfit, related: Related): Fields | undefined {
  const facts: Facts = {
    Path: retrieved.filepath,
    Md5: retrieved.md5,
    Sha1: retrieved.sha1,
    Sha256: retrieved.sha256,
  };
  return fileAlone(facts, unfit, related);
}

/** Of REQUEST and PENDING nobody knows yet. RETRY_REQUEST is what a failed request becomes after an hour. */
const OUTCOMES: ReadonlyMap<string, string> = new Map([
  ['AVAILABLE', 'success'],
  ['UNAVAILABLE', 'failure'],
  ['DOES_NOT_EXIST', 'failure'],
  ['RETRY_REQUEST', 'failure'],
]);

function outcome(retrieved: Retrieved, event: Fields, unfit: Unfit, own: Fields): void {
  const status = keyword(unfit, `${PREFIX}.status`, retrieved.file_status);
  put(own, 'status', status);
  const found = status === undefined ? undefined : OUTCOMES.get(status.toUpperCase());
  event.outcome = found ?? 'unknown';
  // Only then was the file read on the device.
  if (found === 'success') event.type = ['access'];
  const description = keyword(unfit, `${PREFIX}.status_description`, retrieved.file_status_description);
  put(own, 'status_description', description);
  put(event, 'reason', description);
}

function titleOf(document: EcsDocument, own: Fields): string {
  const file = document.file as { name?: string; path?: string } | undefined;
  const host = document.host as { name?: string; id?: string } | undefined;
  const what = file?.name ?? file?.path ?? 'a file';
  const where = host?.name ?? host?.id;
  const status = text(own.status)?.toLowerCase().replaceAll('_', ' ');
  const from = where === undefined ? '' : ` from ${where}`;
  return title(`Retrieval of ${what}${from}${status === undefined ? '' : `: ${status}`}`);
}
