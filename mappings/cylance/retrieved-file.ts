/**
 * Files that somebody fetched from a device: the guide's "Get Retrieved Files Results". A record says that the file was
 * asked for and how far that is; `password` and `download_url` open the file and are never written, whoever hands them in.
 */
import { members } from '../../members/cylance/retrieved-file.ts';
import { put, text } from '../ecs.ts';
import { title } from '../ecs-document.ts';
import { below, type Draft, mappingOf, onlyTrue } from '../ecs-frame.ts';
import { machineOf, OPTICS, PERSON, personOf, whereOf } from './shared/base.ts';
import { FILE_FIELDS, fileAlone } from './shared/places.ts';

export const { mapping, fields } = mappingOf(
  {
    prefix: 'cylance.retrieved_file',
    observer: OPTICS,
    members,
    created: 'created_at',
    event: { kind: 'event', category: ['file'], type: ['info'] },
    tenant: (retrieved) => retrieved.tenant_id,
    own: {
      status: ['keyword', 'file_status'],
      status_description: ['keyword', 'file_status_description'],
      correlation_id: ['keyword', 'correlation_id'],
      tenant_id: ['keyword', 'tenant_id'],
      device_id: 'keyword',
      /** True in the document of one that the list does not have any more; of the file itself nothing is said. */
      deleted: ['boolean', 'Deleted', onlyTrue],
    },
    ecs: [
      ...below('event', ['outcome', 'reason', 'created']),
      ...below('host', ['id', 'name', 'hostname']),
      ...PERSON,
      ...FILE_FIELDS,
      ...below('file.hash', ['md5', 'sha1', 'sha256']),
      ...below('related', ['hosts', 'hash']),
    ],
    without: (member, value) => (OPENERS.has(member.toLowerCase()) ? undefined : value),
  },
  (draft, retrieved) => {
    const { document, event, own } = draft;
    put(document, 'host', machineOf(draft, retrieved.device_id, retrieved.hostname));
    put(document, 'user', personOf(draft, retrieved.user_id, retrieved.user_login));
    const { filepath: Path, md5: Md5, sha1: Sha1, sha256: Sha256 } = retrieved;
    put(document, 'file', fileAlone(draft, { Path, Md5, Sha1, Sha256 }));
    const outcome = OUTCOMES.get(String(own.status).toUpperCase()) ?? 'unknown';
    event.outcome = outcome;
    // Only then was the file read on the device.
    if (outcome === 'success') event.type = ['access'];
    put(event, 'reason', own.status_description);
    const called = titleOf(draft);
    return own.deleted === true ? title(`${called} (not listed any more)`) : called;
  },
);

/** Members that give away the file. The engine has removed them already; to leave them out again costs little. */
const OPENERS: ReadonlySet<string> = new Set(['password', 'download_url', 'downloadurl']);

/** The outcome of REQUEST and PENDING is still open. RETRY_REQUEST is what a failed request becomes after an hour. */
const OUTCOMES: ReadonlyMap<string, string> = new Map([
  ['AVAILABLE', 'success'],
  ['UNAVAILABLE', 'failure'],
  ['DOES_NOT_EXIST', 'failure'],
  ['RETRY_REQUEST', 'failure'],
]);

function titleOf(draft: Draft): string {
  const file = draft.document.file as { name?: string; path?: string } | undefined;
  const where = whereOf(draft);
  const status = text(draft.own.status)?.toLowerCase().replaceAll('_', ' ');
  const from = where === undefined ? '' : ` from ${where}`;
  return title(
    `Retrieval of ${file?.name ?? file?.path ?? 'a file'}${from}${status === undefined ? '' : `: ${status}`}`,
  );
}
