/**
 * What led to what on an endpoint: the events of Apex Central's footprints (Automation API guide, "ShowFootPrintTable"),
 * one document for each, with the facts of the node above it.
 *
 * Of the vendor's node types only 2 is certain: it is a process in the documented sample. Others are told by their
 * facts: what has a process id is a process, what has a file's name, place or hash is a file, and the node above a file
 * is the process that touched it. The numbers stay beside the fields. Operation types are not documented at hand, so
 * `event.type` is `info`.
 */
import * as tables from '../../members/apex-central/footprint.ts';
import type { EcsDocument, Mapping } from '../../src/index.ts';
import {
  account as accountOf,
  deviceId,
  ECS_VERSION,
  extensionOf,
  type Fields,
  filled,
  flat,
  integer,
  ips,
  isEmpty,
  isRecord,
  keyword,
  listOf,
  misfit,
  put,
  type Related,
  reader,
  tellCut,
  text,
  truth,
  type Unfit,
} from '../ecs.ts';
import { conclude, keepOthers, moment, pick, title } from '../ecs-document.ts';
import { fields } from './footprint/fields.ts';
import {
  byNumber,
  type Facts,
  fileOf,
  hashesOf,
  isSet,
  type Meta,
  placeAt,
  processOf,
  readMeta,
  signatureOf,
} from './footprint/meta.ts';

export { fields } from './footprint/fields.ts';

const PREFIX = fields.prefix;
const PROCESS = placeAt('process');
const PARENT = placeAt('process.parent');
const FILE = placeAt('file');

const eventOf = reader(tables.members);
const endpointOf = reader(tables.endpoint);
type Event = ReturnType<typeof eventOf>;
const linkOf = reader(tables.footprint);
const ratingOf = reader(tables.rating);
const parentOf = reader(tables.parent);
const groupOf = reader(tables.group);

export const mapping: Mapping = (record, source) => {
  if (!isRecord(record)) throw new Error('the record is no object');
  const said = eventOf(record);
  const unfit: Unfit = {};
  const own: Fields = {};
  const related: Related = { hosts: [], ip: [], user: [], hash: [] };
  const event: Fields = { kind: 'event', module: 'apex_central', dataset: PREFIX, provider: 'Endpoint Sensor' };
  const document: EcsDocument = {
    ecs: { version: ECS_VERSION },
    observer: { vendor: 'Trend Micro', product: 'Apex Central' },
    organization: { id: source.tenantId === '' ? 'unknown' : source.tenantId },
    event,
  };
  origin(said, document, unfit, own);
  const loggedIn = endpoint(said, document, unfit, own, related);
  const meta = readMeta(said.meta);
  const parent = parentOf(said.parent);
  const parentMeta = readMeta(parent.meta);
  times(said, document, unfit, own);
  numbers(said, meta, unfit, own);
  ofParent(parent, parentMeta, unfit, own);
  if (said.unreadable === undefined) objects(document, said, meta.facts, parent, parentMeta.facts, unfit, related);
  else unreadable(document, event, record, said.unreadable, unfit);
  if (document.user === undefined) put(document, 'user', loggedIn);
  if (said.others !== undefined) put(own, 'other', flat(unfit, `${PREFIX}.other`, pick(record, said.others)));
  conclude(document, PREFIX, { own, unfit, related });
  if (source.keepOriginal) event.original = JSON.stringify(record);
  return document;
};

/** The endpoint: `host.id` in the one form that all products share, the vendor's own beside it. */
function origin(said: Event, document: EcsDocument, unfit: Unfit, own: Fields): void {
  const agent = keyword(unfit, 'host.id', said.agentGuid);
  if (agent !== undefined) document.host = { id: deviceId(agent) };
  put(own, 'agent_guid', agent);
  put(own, 'server_guid', keyword(unfit, `${PREFIX}.server_guid`, said.serverGuid));
  put(own, 'server_name', keyword(unfit, `${PREFIX}.server_name`, said.serverName));
  put(own, 'scan_summary_guid', keyword(unfit, `${PREFIX}.scan_summary_guid`, said.scanSummaryGuid));
  put(own, 'time_zone', decimal(unfit, `${PREFIX}.time_zone`, said.TimeZone));
}

/** What the list of endpoints says of the machine; returns who is logged in there, for events that name nobody. */
function endpoint(said: Event, document: EcsDocument, unfit: Unfit, own: Fields, related: Related): Fields | undefined {
  const machine = endpointOf(said.endpoint);
  const host = (document.host ?? {}) as Fields;
  const name = keyword(unfit, 'host.name', machine.machineName);
  put(host, 'name', name);
  if (name !== undefined) related.hosts.push(name);
  const found = ips(unfit, 'host.ip', machine.ip);
  put(host, 'ip', found);
  if (found !== undefined) related.ip.push(...found);
  const system = keyword(unfit, 'host.os.full', machine.machineOS);
  if (system !== undefined) host.os = { full: system, ...osType(system) };
  if (filled(host) !== undefined) document.host = host;
  put(own, 'machine_guid', keyword(unfit, `${PREFIX}.machine_guid`, machine.machineGuid));
  put(own, 'is_online', truth(unfit, `${PREFIX}.is_online`, machine.isOnline));
  const account = keyword(unfit, 'user.name', machine.userName);
  const user = account === undefined ? undefined : accountOf(account);
  if (typeof user?.name === 'string') related.user.push(user.name);
  return user;
}

function osType(system: string): Fields {
  if (/windows/i.test(system)) return { type: 'windows' };
  return /mac ?os|os x/i.test(system) ? { type: 'macos' } : /linux/i.test(system) ? { type: 'linux' } : {};
}

function decimal(unfit: Unfit, field: string, value: unknown): number | undefined {
  const content = text(value);
  if (content === undefined)
    return typeof value === 'object' && value !== null ? misfit(unfit, field, value) : undefined;
  const number = Number(content);
  return Number.isFinite(number) && Math.abs(number) <= 24 ? number : misfit(unfit, field, value);
}

/** Ways to date an event, best first, with the tag of each that is not its own. */
function times(said: Event, document: EcsDocument, unfit: Unfit, own: Fields): void {
  const link = linkOf(said.footprint);
  const group = groupOf(said.group);
  const happened = time(unfit, '@timestamp', said.timestamp);
  const linked = time(unfit, `${PREFIX}.link.time`, link.timestamp);
  const grouped = time(unfit, `${PREFIX}.group.time`, group.timestamp);
  const edge: Fields = {};
  put(edge, 'operation_type', whole(unfit, `${PREFIX}.link.operation_type`, link.operationType));
  put(edge, 'time', linked);
  put(own, 'link', filled(edge));
  const gathered: Fields = {};
  put(gathered, 'number', whole(unfit, `${PREFIX}.group.number`, link.groupNo ?? group.groupNo));
  put(gathered, 'time', grouped);
  put(own, 'group', filled(gathered));
  keepRest(unfit, `${PREFIX}.group`, said.group, group);
  put(own, 'object_id', keyword(unfit, `${PREFIX}.object_id`, link.objectId));
  put(own, 'parent_id', keyword(unfit, `${PREFIX}.parent_id`, link.parentId));
  put(document, '@timestamp', happened ?? linked ?? grouped);
  if (happened !== undefined) return;
  if (linked !== undefined) document.tags = ['timestamp_is_link_time'];
  else if (grouped !== undefined) document.tags = ['timestamp_is_group_time'];
}

/** A time in 1969 (an epoch of -1 in some zone) is how the vendor says that there is none. */
function time(unfit: Unfit, field: string, value: unknown): string | undefined {
  const content = text(value);
  if (!isSet(value) || content === '0' || /^1969(?:-|$)/.test(content ?? '')) return undefined;
  return moment(unfit, field, value);
}

function whole(unfit: Unfit, field: string, value: unknown): number | undefined {
  return isSet(value) ? integer(unfit, field, value) : undefined;
}

function numbers(said: Event, meta: Meta, unfit: Unfit, own: Fields): void {
  const at = (name: string) => `${PREFIX}.${name}`;
  put(own, 'event_id', keyword(unfit, at('event_id'), said.eventId));
  put(own, 'meta_link_id', keyword(unfit, at('meta_link_id'), said.metaLinkId));
  put(own, 'object_type', whole(unfit, at('object_type'), said.objectType));
  put(own, 'object_name', keyword(unfit, at('object_name'), said.objectName));
  put(own, 'operation_type', whole(unfit, at('operation_type'), said.operationType));
  put(own, 'risk_level', whole(unfit, at('risk_level'), said.riskLevel));
  put(own, 'node_image', whole(unfit, at('node_image'), said.nodeImage));
  put(own, 'is_symbol_event', truth(unfit, at('is_symbol_event'), said.isSymbolEvent));
  const rated = ratingOf(said.rating);
  const rating: Fields = {};
  put(rating, 'score', whole(unfit, at('rating.score'), rated.score));
  put(rating, 'meta_type', whole(unfit, at('rating.meta_type'), rated.metaType));
  put(rating, 'has_invalid_signer', truth(unfit, at('rating.has_invalid_signer'), rated.hasInvalidSigner));
  put(own, 'rating', filled(rating));
  keepRest(unfit, at('rating'), said.rating, rated);
  const assessment: Fields = {};
  if (isSet(said.assessmentValue))
    put(assessment, 'value', keyword(unfit, at('assessment.value'), said.assessmentValue));
  put(assessment, 'type', whole(unfit, at('assessment.type'), said.assessmentType));
  put(own, 'assessment', filled(assessment));
  put(own, 'meta', byNumber(unfit, at('meta'), meta.others));
  put(own, 'meta_hash_ids', byNumber(unfit, at('meta_hash_ids'), meta.ids));
}

/** What an object says beside its members, or all of what is none. */
function keepRest(unfit: Unfit, field: string, given: unknown, read: { readonly others?: readonly string[] }): void {
  if (isRecord(given)) keepOthers(unfit, field, given, read);
  else if (isSet(given)) misfit(unfit, field, given);
}

type Parent = ReturnType<typeof parentOf>;

function ofParent(parent: Parent, meta: Meta, unfit: Unfit, own: Fields): void {
  const at = (name: string) => `${PREFIX}.parent.${name}`;
  const result: Fields = {};
  put(result, 'event_id', keyword(unfit, at('event_id'), parent.eventId));
  put(result, 'meta_link_id', keyword(unfit, at('meta_link_id'), parent.metaLinkId));
  put(result, 'object_type', whole(unfit, at('object_type'), parent.objectType));
  put(result, 'object_name', keyword(unfit, at('object_name'), parent.objectName));
  put(result, 'operation_type', whole(unfit, at('operation_type'), parent.operationType));
  put(result, 'time', time(unfit, at('time'), parent.timestamp));
  put(result, 'meta', byNumber(unfit, at('meta'), meta.others));
  put(result, 'meta_hash_ids', byNumber(unfit, at('meta_hash_ids'), meta.ids));
  const given = integer(unfit, at('meta'), parent.metaCount);
  if (given !== undefined) tellCut(unfit, at('meta'), listOf(parent.meta).length, given);
  put(own, 'parent', filled(result));
}

type Kind = 'process' | 'file' | undefined;

function kindOf(objectType: unknown, facts: Facts): Kind {
  if (text(objectType) === '2' || facts.pid !== undefined) return 'process';
  const isFile = ['fileName', 'directory', 'md5', 'sha1', 'sha256'].some(
    (name) => facts[name as keyof Facts] !== undefined,
  );
  return isFile ? 'file' : undefined;
}

/** The node itself and the one above it, each at its place. */
function objects(
  document: EcsDocument,
  said: Event,
  facts: Facts,
  parent: Parent,
  parentFacts: Facts,
  unfit: Unfit,
  related: Related,
): void {
  const event = document.event as Fields;
  const kind = kindOf(said.objectType, facts);
  const isInvalid = truth({}, '', ratingOf(said.rating).hasInvalidSigner) === true;
  const link = linkOf(said.footprint);
  const isChildOfProcess = kindOf(parent.objectType, parentFacts) === 'process';
  const above = (place: typeof PROCESS) => {
    if (!isChildOfProcess) return undefined;
    const process = processOf(unfit, place, parentFacts, parent.objectName);
    put(process, 'entity_id', entityId(document, link.parentId));
    put(process, 'code_signature', signatureOf(unfit, place, parentFacts, false));
    addHashes(process.hash, related);
    return process;
  };
  event.category = [kind ?? 'host'];
  event.type = ['info'];
  if (kind === 'process') {
    const process = processOf(unfit, PROCESS, facts, said.objectName);
    put(process, 'entity_id', entityId(document, link.objectId));
    put(process, 'code_signature', signatureOf(unfit, PROCESS, facts, isInvalid));
    addHashes(process.hash, related);
    put(process, 'parent', above(PARENT));
    put(document, 'process', filled(process));
  } else {
    put(document, 'process', above(PROCESS));
    if (kind === 'file') put(document, 'file', filled(touchedFile(said, facts, isInvalid, unfit, related)));
  }
  const user = userOf(unfit, facts, related);
  // Who started a process need not be who it runs as; what else there is was touched by the process above.
  put(document, 'user', user ?? (kind === 'process' ? undefined : userOf(unfit, parentFacts, related)));
  document.message = titleOf(kind, document, said, parent);
}

/** The vendor numbers nodes for each endpoint; beside another endpoint's the number alone would say nothing. */
function entityId(document: EcsDocument, node: unknown): string | undefined {
  const id = text(node);
  const host = (document.host as { id?: string } | undefined)?.id;
  return id === undefined ? undefined : host === undefined ? id : `${host}/${id}`;
}

function touchedFile(said: Event, facts: Facts, isInvalid: boolean, unfit: Unfit, related: Related): Fields {
  const { name, directory, path } = fileOf(unfit, FILE, facts, said.objectName);
  const file: Fields = {};
  put(file, 'name', name);
  put(file, 'directory', directory);
  put(file, 'path', path);
  if (name !== undefined) put(file, 'extension', extensionOf(name));
  put(file, 'hash', hashesOf(unfit, FILE, facts));
  put(file, 'code_signature', signatureOf(unfit, FILE, facts, isInvalid));
  if (!isEmpty(file)) file.type = 'file';
  addHashes(file.hash, related);
  return file;
}

function addHashes(hashes: unknown, related: Related): void {
  for (const hash of Object.values((hashes as Fields | undefined) ?? {})) related.hash.push(hash as string);
}

function userOf(unfit: Unfit, facts: Facts, related: Related): Fields | undefined {
  const user: Fields = {};
  const { name, domain } = accountOf(keyword(unfit, 'user.name', facts.user) ?? '');
  const own = keyword(unfit, 'user.domain', facts.domain);
  put(user, 'name', name);
  put(user, 'domain', own ?? domain);
  if (own !== undefined && domain?.toLowerCase() !== own.toLowerCase()) misfit(unfit, 'user.domain', domain);
  if (user.name !== undefined) related.user.push(user.name as string);
  return filled(user);
}

function titleOf(kind: Kind, document: EcsDocument, said: Event, parent: Parent): string {
  const place = document[kind ?? 'process'] as { name?: string } | undefined;
  const what = text(said.objectName) ?? (kind === undefined ? undefined : place?.name) ?? 'without a name';
  const above = text(parent.objectName);
  const word = kind === undefined ? 'Object' : kind === 'process' ? 'Process' : 'File';
  return title(`${word} ${what}${above === undefined ? '' : `, below ${above}`}`);
}

/** What the vendor sent as content and is none, or has another shape: shipped as what it is, so that somebody sees it. */
function unreadable(document: EcsDocument, event: Fields, record: Fields, content: unknown, unfit: Unfit): void {
  event.kind = 'pipeline_error';
  event.original = JSON.stringify(record);
  document.error = { message: 'this part of a footprint reply is no JSON of the documented shape' };
  document.message = 'Unreadable footprint content';
  if (typeof content !== 'string') misfit(unfit, `${PREFIX}.unreadable`, content);
}
