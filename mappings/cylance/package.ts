/**
 * Packages: the guide's "Get Packages" and "Get Package" (the same members), and the tombstone of one that is gone. A
 * package is inventory; how its upload went is the outcome. Links to it are secrets and are never written.
 */
import { members } from '../../members/cylance/package.ts';
import type { EcsDocument, Mapping } from '../../src/index.ts';
import {
  extensionOf,
  type FieldList,
  type Fields,
  filled,
  flat,
  integerWithin,
  isEmpty,
  isRecord,
  itemsAt,
  keyword,
  misfit,
  parsed,
  put,
  type Related,
  reader,
  text,
  truth,
  type Unfit,
} from '../ecs.ts';
import { conclude, EVERY_DOCUMENT, moment, originOf, personOf, pick, title } from './shared/base.ts';

const PREFIX = 'cylance.package';

export const fields: FieldList = {
  prefix: PREFIX,
  custom: {
    /** started, success, failed or timeout. */
    'cylance.package.status': 'keyword',
    /** custom or cylance. */
    'cylance.package.category': 'keyword',
    /** Seconds until an upload that did not end is given up. */
    'cylance.package.timeout': 'long',
    'cylance.package.entry_point': 'keyword',
    'cylance.package.examples.invocation': 'wildcard',
    'cylance.package.examples.description': 'match_only_text',
    'cylance.package.examples.other': 'flattened',
    'cylance.package.deleted': 'boolean',
    /** The id that the package's own description gives, where it is another one. */
    'cylance.package.descriptor_package_id': 'keyword',
    /** Members of the record that the guide does not know. */
    'cylance.package.other': 'flattened',
    /** Values that did not fit the field they were meant for, by that field's name. */
    'cylance.package.unfit': 'flattened',
  },
  ecs: [
    ...EVERY_DOCUMENT,
    'event.outcome',
    'event.created',
    'package.name',
    'package.description',
    'package.version',
    'package.type',
    'package.size',
    'file.name',
    'file.extension',
    'user.id',
    'user.name',
    'user.domain',
    'user.email',
    'related.user',
  ],
};

const packageOf = reader(members);
type Package = ReturnType<typeof packageOf>;

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
const exampleOf = reader({ invocationString: [], description: [] });

/** The document on its way, and what the guide does not know of the record. */
interface Draft {
  id: string;
  document: EcsDocument;
  own: Fields;
  unfit: Unfit;
  related: Related;
  other: Fields;
}

export const mapping: Mapping = (record, source) => {
  const said = packageOf(record);
  const id = text(said.packageId);
  if (id === undefined) throw new Error('the record has no packageId');
  const unfit: Unfit = {};
  const uploaded = moment(unfit, '@timestamp', said.uploadedOn);
  const event: Fields = {
    kind: 'asset',
    category: ['package'],
    type: ['info'],
    module: 'cylance',
    dataset: PREFIX,
    id,
  };
  put(event, 'created', uploaded);
  const document: EcsDocument = { '@timestamp': uploaded, ...originOf(source), event };
  const other = said.others === undefined ? {} : pick(record as Fields, said.others);
  const related: Related = { hosts: [], ip: [], user: [], hash: [] };
  const draft: Draft = { id, document, own: {}, unfit, related, other };
  uploadedBy(said.uploadedBy, draft);
  const name = described(said, draft);
  document.message = title(`Package ${name ?? id}${progress(said, event, draft)}`);
  const { own } = draft;
  put(own, 'category', keyword(unfit, `${PREFIX}.category`, said.category));
  put(own, 'timeout', counted(unfit, `${PREFIX}.timeout`, said.timeout));
  put(own, 'other', flat(unfit, `${PREFIX}.other`, other));
  conclude(document, PREFIX, draft);
  if (source.keepOriginal) event.original = JSON.stringify(record);
  return document;
};

function counted(unfit: Unfit, field: string, value: unknown): number | undefined {
  return integerWithin(unfit, field, value, 0, Number.MAX_SAFE_INTEGER);
}

function uploadedBy(value: unknown, { document, unfit, related, other }: Draft): void {
  const given = parsed(value);
  if (given === undefined) {
    misfit(unfit, `${PREFIX}.uploaded_by`, value);
    return;
  }
  const said = uploaderOf(given);
  put(document, 'user', personOf(said.id, said.login, unfit, related));
  if (said.others !== undefined) other.uploadedBy = pick(given, said.others);
}

/** What its maker says of the package. Returns its name. */
function described(record: Package, { id, document, own, unfit, other }: Draft): string | undefined {
  const content: Fields = {};
  put(content, 'size', counted(unfit, 'package.size', record.size));
  const given = parsed(record.packageDescriptor);
  if (given === undefined) misfit(unfit, `${PREFIX}.descriptor`, record.packageDescriptor);
  const said = descriptorOf(given);
  const name = keyword(unfit, 'package.name', said.name);
  put(content, 'name', name);
  put(content, 'description', keyword(unfit, 'package.description', said.description));
  put(content, 'version', keyword(unfit, 'package.version', said.version));
  const its = keyword(unfit, `${PREFIX}.descriptor_package_id`, said.packageId);
  if (its?.toLowerCase() !== id.toLowerCase()) put(own, 'descriptor_package_id', its);
  put(own, 'examples', examplesOf(unfit, said.examples));
  const rest = given === undefined || said.others === undefined ? {} : pick(given, said.others);
  const info = parsed(said.packageInfo);
  if (info === undefined) misfit(unfit, `${PREFIX}.package_info`, said.packageInfo);
  const told = infoOf(info);
  put(content, 'type', keyword(unfit, 'package.type', told.fileType)?.toLowerCase());
  put(document, 'file', fileOf(unfit, told.fileName));
  put(own, 'entry_point', keyword(unfit, `${PREFIX}.entry_point`, told.entryPoint));
  if (info !== undefined && told.others !== undefined) rest.packageInfo = pick(info, told.others);
  put(other, 'packageDescriptor', filled(rest));
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

/** An example that is only a text is an invocation. */
function examplesOf(unfit: Unfit, value: unknown): Fields[] | undefined {
  const examples: Fields[] = [];
  const field = `${PREFIX}.examples`;
  for (const item of itemsAt(unfit, field, value)) {
    const said = isRecord(item) ? exampleOf(item) : { invocationString: item };
    const example: Fields = {};
    put(example, 'invocation', keyword(unfit, `${field}.invocation`, said.invocationString));
    put(example, 'description', keyword(unfit, `${field}.description`, said.description));
    if (isRecord(item) && said.others !== undefined)
      put(example, 'other', flat(unfit, `${field}.other`, pick(item, said.others)));
    if (!isEmpty(example)) examples.push(example);
  }
  return examples.length === 0 ? undefined : examples;
}

/** Each status as an outcome, and in a title. */
const STATUSES: ReadonlyMap<string, readonly [outcome: string, words: string]> = new Map([
  ['started', ['unknown', 'upload started']],
  ['success', ['success', 'uploaded']],
  ['failed', ['failure', 'upload failed']],
  ['timeout', ['failure', 'upload timed out']],
]);

/** How far the package is. Returns what the title says of it. */
function progress(said: Package, event: Fields, { own, unfit }: Draft): string {
  if (truth(unfit, `${PREFIX}.deleted`, said.Deleted) === true) {
    own.deleted = true;
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
