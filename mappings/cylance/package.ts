/**
 * Packages: the guide's "Get Packages" and "Get Package" (the same members), and the tombstone of one that is gone. A
 * package is inventory; how its upload went is the outcome. Links to it are secrets and are never written.
 */
import { members } from '../../members/cylance/package.ts';
import { type Fields, filled, keyword, type Members, misfit, parsed, put, reader, type Unfit } from '../ecs.ts';
import { title } from '../ecs-document.ts';
import { below, type Draft, mappingOf, onlyTrue, partOf, rest } from '../ecs-frame.ts';
import { extensionOf } from '../ecs-names.ts';
import { count, OPTICS, PERSON, personOf } from './shared/base.ts';

const PREFIX = 'cylance.package';

type Package = Members<keyof typeof members>;

const uploaderOf = reader({ id: [], login: [] });
const descriptorOf = reader({
  name: [],
  description: [],
  examples: [],
  packageInfo: [],
  version: [],
  packageId: [],
});
const infoOf = reader({ fileType: [], fileName: [], entryPoint: [] });

/** An example that is only a text is an invocation. */
const examplePart = partOf({
  at: `${PREFIX}.examples`,
  members: { invocationString: [], description: [] },
  own: {
    invocation: ['wildcard', 'invocationString'],
    description: ['match_only_text', 'description'],
    other: 'flattened',
  },
  alone: 'invocationString',
});

export const { mapping, fields } = mappingOf(
  {
    prefix: PREFIX,
    observer: OPTICS,
    members,
    id: 'packageId',
    created: 'uploadedOn',
    event: { kind: 'asset', category: ['package'], type: ['info'] },
    own: {
      /** started, success, failed or timeout. */
      status: 'keyword',
      /** custom or cylance. */
      category: ['keyword', 'category'],
      /** Seconds until an upload that did not end is given up. */
      timeout: ['long', 'timeout', count],
      entry_point: 'keyword',
      deleted: ['boolean', 'Deleted', onlyTrue],
      /** The id that the package's own description gives, where it is another one. */
      descriptor_package_id: 'keyword',
    },
    parts: [examplePart],
    ecs: [
      ...below('event', ['outcome', 'created']),
      ...below('package', ['name', 'description', 'version', 'type', 'size']),
      ...below('file', ['name', 'extension']),
      ...PERSON,
    ],
  },
  (draft, said) => {
    uploadedBy(draft, said.uploadedBy);
    const name = described(draft, said);
    return title(`Package ${name ?? draft.id}${progress(draft, said)}`);
  },
);

function uploadedBy(draft: Draft, value: unknown): void {
  const given = parsed(value);
  if (given === undefined) {
    misfit(draft.unfit, `${PREFIX}.uploaded_by`, value);
    return;
  }
  const said = uploaderOf(given);
  put(draft.document, 'user', personOf(draft, said.id, said.login));
  put(draft.other, 'uploadedBy', rest(given, said));
}

/** What its maker says of the package. Returns its name. */
function described({ id, document, own, unfit, other }: Draft, record: Package): string | undefined {
  const content: Fields = {};
  put(content, 'size', count(unfit, 'package.size', record.size));
  const given = parsed(record.packageDescriptor);
  if (given === undefined) misfit(unfit, `${PREFIX}.descriptor`, record.packageDescriptor);
  const said = descriptorOf(given);
  const name = keyword(unfit, 'package.name', said.name);
  put(content, 'name', name);
  put(content, 'description', keyword(unfit, 'package.description', said.description));
  put(content, 'version', keyword(unfit, 'package.version', said.version));
  const its = keyword(unfit, `${PREFIX}.descriptor_package_id`, said.packageId);
  if (its?.toLowerCase() !== id.toLowerCase()) put(own, 'descriptor_package_id', its);
  put(own, 'examples', examplePart.items(unfit, said.examples));
  const left = rest(given, said);
  const info = parsed(said.packageInfo);
  if (info === undefined) misfit(unfit, `${PREFIX}.package_info`, said.packageInfo);
  const told = infoOf(info);
  put(content, 'type', keyword(unfit, 'package.type', told.fileType)?.toLowerCase());
  put(document, 'file', fileOf(unfit, told.fileName));
  put(own, 'entry_point', keyword(unfit, `${PREFIX}.entry_point`, told.entryPoint));
  put(left, 'packageInfo', rest(info, told));
  put(other, 'packageDescriptor', left);
  put(document, 'package', filled(content));
  return name;
}

function fileOf(unfit: Unfit, value: unknown): Fields | undefined {
  const name = keyword(unfit, 'file.name', value);
  if (name === undefined) return undefined;
  const file: Fields = { name };
  put(file, 'extension', extensionOf(name));
  return file;
}

/** Each status as an outcome, and in a title. */
const STATUSES: ReadonlyMap<string, readonly [outcome: string, words: string]> = new Map([
  ['started', ['unknown', 'upload started']],
  ['success', ['success', 'uploaded']],
  ['failed', ['failure', 'upload failed']],
  ['timeout', ['failure', 'upload timed out']],
]);

/** How far the package is. Returns that for the title. */
function progress({ event, own, unfit }: Draft, said: Package): string {
  if (own.deleted === true) {
    event.type = ['deletion'];
    return ' was deleted';
  }
  const status = keyword(unfit, `${PREFIX}.status`, said.status);
  if (status === undefined) return '';
  own.status = status;
  const [outcome, words] = STATUSES.get(status.toLowerCase()) ?? ['unknown', status];
  event.outcome = outcome;
  return `: ${words}`;
}
