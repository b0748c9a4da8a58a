/**
 * What led to what on an endpoint: the events of Apex Central's footprints (Automation API guide, "ShowFootPrintTable"),
 * one document for each, with the facts of the node above it.
 *
 * Of the vendor's node types only 2 is certain: it is a process in the documented sample. Others are told by their
 * facts: a node with a process id is a process, one with a file's name, place or hash is a file, and the node above a
 * file is the process that touched it. The numbers stay beside the fields. Operation types are not documented at hand, so
 * `event.type` is `info`.
 */
import * as tables from '../../members/apex-central/footprint.ts';
import {
  type Fields,
  filled,
  integer,
  ips,
  isRecord,
  keyword,
  listOf,
  type Members,
  misfit,
  put,
  reader,
  tellCut,
  text,
  truth,
  type Unfit,
} from '../ecs.ts';
import { keepOthers, moment } from '../ecs-document.ts';
import { below, type Draft, mappingOf, partOf } from '../ecs-frame.ts';
import { account as accountOf, deviceId, systemIn } from '../ecs-names.ts';
import { byNumber, isSet, type Meta, readMeta } from './footprint/meta.ts';
import { nodeOf, putObjects } from './footprint/objects.ts';

const PREFIX = 'apex_central.footprint';

const endpointOf = reader(tables.endpoint);
type Event = Members<keyof typeof tables.members>;
const groupOf = reader(tables.group);

/** What both nodes of an event have; the numbers are those of the guide's lists of node and operation types. */
const NODE = {
  event_id: ['keyword', 'eventId'],
  meta_link_id: ['keyword', 'metaLinkId'],
  object_type: ['long', 'objectType', whole],
  object_name: ['keyword', 'objectName'],
  operation_type: ['long', 'operationType', whole],
  /** Facts whose type has no field, by the number of the type. */
  meta: 'flattened',
  /** Which fact the event points at, by the number of the type. */
  meta_hash_ids: 'flattened',
} as const;

const parentPart = partOf({
  at: `${PREFIX}.parent`,
  members: tables.parent,
  own: { ...NODE, time: ['date', 'timestamp', time] },
});
/** The link between the two nodes. */
const linkPart = partOf({
  at: `${PREFIX}.link`,
  members: tables.footprint,
  own: { operation_type: ['long', 'operationType', whole], time: ['date', 'timestamp', time] },
});
const ratingPart = partOf({
  at: `${PREFIX}.rating`,
  members: tables.rating,
  own: {
    score: ['long', 'score', whole],
    meta_type: ['long', 'metaType', whole],
    has_invalid_signer: ['boolean', 'hasInvalidSigner'],
  },
});
const assessmentPart = partOf({
  at: `${PREFIX}.assessment`,
  members: tables.members,
  own: { value: ['keyword', 'assessmentValue', word], type: ['long', 'assessmentType', whole] },
});

const HASHES = ['hash.md5', 'hash.sha1', 'hash.sha256'] as const;
const SIGNATURE = ['code_signature.exists', 'code_signature.subject_name', 'code_signature.valid'] as const;
const PROCESS = [
  'entity_id',
  'name',
  'executable',
  'pid',
  'command_line',
  'args',
  'args_count',
  'user.name',
  ...HASHES,
  ...SIGNATURE,
] as const;

export const { mapping, fields } = mappingOf(
  {
    prefix: PREFIX,
    observer: { vendor: 'Trend Micro', product: 'Apex Central' },
    members: tables.members,
    event: { kind: 'event', provider: 'Endpoint Sensor' },
    own: {
      ...NODE,
      /** The two nodes of the chain that the event belongs to. */
      object_id: 'keyword',
      parent_id: 'keyword',
      risk_level: ['long', 'riskLevel', whole],
      node_image: ['long', 'nodeImage', whole],
      is_symbol_event: ['boolean', 'isSymbolEvent'],
      'group.number': 'long',
      'group.time': 'date',
      scan_summary_guid: ['keyword', 'scanSummaryGuid'],
      agent_guid: 'keyword',
      server_guid: ['keyword', 'serverGuid'],
      server_name: ['keyword', 'serverName'],
      /** As the list of endpoints says. */
      machine_guid: 'keyword',
      is_online: 'boolean',
      /** Hours east of Greenwich. */
      time_zone: ['float', 'TimeZone', hours],
    },
    parts: [parentPart, linkPart, ratingPart, assessmentPart],
    ecs: [
      'error.message',
      'event.provider',
      ...below('host', ['id', 'name', 'hostname', 'ip', 'os.full', 'os.name', 'os.type', 'os.version']),
      ...below('process', PROCESS),
      ...below('process.parent', PROCESS),
      ...below('user', ['name', 'domain']),
      ...below('file', ['name', 'path', 'directory', 'extension', 'type', ...HASHES, ...SIGNATURE]),
      ...below('related', ['hosts', 'ip', 'user', 'hash']),
    ],
  },
  (draft, said) => {
    const { document, own, unfit } = draft;
    const loggedIn = endpoint(draft, said);
    const meta = readMeta(said.meta);
    const parent = parentPart.read(said.parent);
    const parentMeta = readMeta(parent.meta);
    const link = linkPart.read(said.footprint);
    const rating = ratingPart.read(said.rating);
    times(draft, said, link);
    put(own, 'object_id', keyword(unfit, `${PREFIX}.object_id`, link.objectId));
    put(own, 'parent_id', keyword(unfit, `${PREFIX}.parent_id`, link.parentId));
    put(own, 'rating', ratingPart.of(unfit, said.rating, rating));
    keepRest(unfit, `${PREFIX}.rating`, said.rating, rating);
    put(own, 'assessment', assessmentPart.of(unfit, undefined, said));
    putMeta(unfit, PREFIX, own, meta);
    const above = parentPart.of(unfit, said.parent, parent) ?? {};
    putMeta(unfit, `${PREFIX}.parent`, above, parentMeta);
    const given = integer(unfit, `${PREFIX}.parent.meta`, parent.metaCount);
    if (given !== undefined) tellCut(unfit, `${PREFIX}.parent.meta`, listOf(parent.meta).length, given);
    put(own, 'parent', above);
    const hasInvalidSigner = truth({}, '', rating.hasInvalidSigner) === true;
    const message =
      said.unreadable === undefined
        ? putObjects(
            draft,
            nodeOf(said, link.objectId, meta.facts, hasInvalidSigner),
            nodeOf(parent, link.parentId, parentMeta.facts, false),
          )
        : unreadable(draft, said.unreadable);
    if (document.user === undefined) put(document, 'user', loggedIn);
    return message;
  },
);

/**
 * The endpoint: `host.id` in the one form that all products share, the vendor's own beside it, and what the list of
 * endpoints says of the machine. Returns the user who is logged in there, for events that name none.
 */
function endpoint({ document, own, unfit, related }: Draft, said: Event): Fields | undefined {
  const host: Fields = {};
  const agent = keyword(unfit, 'host.id', said.agentGuid);
  if (agent !== undefined) host.id = deviceId(agent);
  put(own, 'agent_guid', agent);
  const machine = endpointOf(said.endpoint);
  const name = keyword(unfit, 'host.name', machine.machineName);
  put(host, 'name', name);
  put(host, 'hostname', name);
  if (name !== undefined) related.hosts.push(name);
  const found = ips(unfit, 'host.ip', machine.ip);
  put(host, 'ip', found);
  if (found !== undefined) related.ip.push(...found);
  const system = keyword(unfit, 'host.os.full', machine.machineOS);
  if (system !== undefined) host.os = systemIn(system);
  put(document, 'host', filled(host));
  put(own, 'machine_guid', keyword(unfit, `${PREFIX}.machine_guid`, machine.machineGuid));
  put(own, 'is_online', truth(unfit, `${PREFIX}.is_online`, machine.isOnline));
  const account = keyword(unfit, 'user.name', machine.userName);
  const user = account === undefined ? undefined : accountOf(account);
  if (typeof user?.name === 'string') related.user.push(user.name);
  return user;
}

function hours(unfit: Unfit, field: string, value: unknown): number | undefined {
  const content = text(value);
  if (content === undefined)
    return typeof value === 'object' && value !== null ? misfit(unfit, field, value) : undefined;
  const number = Number(content);
  return Number.isFinite(number) && Math.abs(number) <= 24 ? number : misfit(unfit, field, value);
}

/** Ways to date an event, best first, with the tag of each that is not its own. */
function times({ document, own, unfit }: Draft, said: Event, link: ReturnType<typeof linkPart.read>): void {
  const group = groupOf(said.group);
  const happened = time(unfit, '@timestamp', said.timestamp);
  const edge = linkPart.of(unfit, said.footprint, link);
  const grouped = time(unfit, `${PREFIX}.group.time`, group.timestamp);
  const linked = edge?.time as string | undefined;
  put(own, 'link', edge);
  const gathered: Fields = {};
  put(gathered, 'number', whole(unfit, `${PREFIX}.group.number`, link.groupNo ?? group.groupNo));
  put(gathered, 'time', grouped);
  put(own, 'group', filled(gathered));
  keepRest(unfit, `${PREFIX}.group`, said.group, group);
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

function word(unfit: Unfit, field: string, value: unknown): string | undefined {
  return isSet(value) ? keyword(unfit, field, value) : undefined;
}

function putMeta(unfit: Unfit, at: string, target: Fields, { others, ids }: Meta): void {
  put(target, 'meta', byNumber(unfit, `${at}.meta`, others));
  put(target, 'meta_hash_ids', byNumber(unfit, `${at}.meta_hash_ids`, ids));
}

/** Keeps the members of an object that its table does not know, or all of a value that is no object. */
function keepRest(unfit: Unfit, field: string, given: unknown, read: { readonly others?: readonly string[] }): void {
  if (isRecord(given)) keepOthers(unfit, field, given, read);
  else if (isSet(given)) misfit(unfit, field, given);
}

/** Content that is no JSON, or has another shape: shipped as it is, so that somebody sees it. */
function unreadable({ record, document, event, unfit }: Draft, content: unknown): string {
  event.kind = 'pipeline_error';
  event.original = JSON.stringify(record);
  document.error = { message: 'this part of a footprint reply is no JSON of the documented shape' };
  if (typeof content !== 'string') misfit(unfit, `${PREFIX}.unreadable`, content);
  return 'Unreadable footprint content';
}
