/**
 * CylanceOPTICS detections: the guide's "Get Detection" (the detail), "Get Detections" (a list record alone, when the
 * detail could not be had) and the tombstone of one that was deleted.
 *
 * Actor and target are never swapped: `process` is the instigating process. Where a detection names none, `process` is
 * the target or the only one there is, and `cylance.detection.process_role` says so.
 */
import { members } from '../../members/cylance/detection.ts';
import type { EcsDocument, Mapping, SourceFacts } from '../../src/index.ts';
import {
  deviceId,
  ECS_VERSION,
  type Fields,
  filled,
  flat,
  integer,
  ips,
  isEmpty,
  isRecord,
  itemsAt,
  keyword,
  keywords,
  listOf,
  MOST_ITEMS,
  macs,
  misfit,
  opened,
  osType,
  put,
  type Related,
  reader,
  severityOf,
  tellCut,
  text,
  type Unfit,
} from '../ecs.ts';
import { date } from '../ecs-time.ts';
import { responsesOf } from './detection/responses.ts';
import { type Artifact, type Cast, castOf, MAX_INTERESTS, onlyOne } from './shared/artifacts.ts';
import { conclude, keepOthers, pick, title } from './shared/base.ts';
import {
  connectionAt,
  fileAt,
  imageOf,
  parentAt,
  placeAt,
  processAt,
  questionOf,
  registryAt,
  relate,
  type User,
  userAt,
  userOf,
} from './shared/places.ts';
import { namesOf } from './shared/rules.ts';

export { fields } from './detection/fields.ts';

/** The guide's members; `Zonelds`, `CylancelId` and the like are how its text was recognised, and were copied by clients. */
const membersOf = reader(members);
type Detection = ReturnType<typeof membersOf>;

/** Parts of a detail that are objects or lists; a gateway in between may hand them on as JSON in a text. */
const PARTS = [
  ...(['DetectionRule', 'Detector', 'Product', 'AssociatedArtifacts', 'ArtifactsOfInterest'] as const),
  ...(['Responses', 'AppliedExceptions', 'Context', 'Trace', 'InvolvedArtifacts'] as const),
];

function detectionOf(record: unknown): Detection {
  const detection: { -readonly [name in keyof Detection]: Detection[name] } = membersOf(record);
  if (typeof detection.Device === 'string') detection.Device = opened(detection.Device);
  if (!isDetail(detection)) return detection;
  for (const part of PARTS) if (typeof detection[part] === 'string') detection[part] = opened(detection[part]);
  return detection;
}

const deviceOf = reader({
  CylanceId: ['CylancelId', 'Cylancelid', 'Cylanceld', 'Id', 'DeviceId'],
  Name: ['DeviceName', 'HostName'],
  OsType: ['OperatingSystem', 'OS', 'Os', 'Platform'],
  OsVersion: ['OperatingSystemVersion'],
  IpAddresses: ['IpAddress', 'Ip', 'ip_addresses'],
  MacAddresses: ['MacAddress', 'Mac', 'mac_addresses'],
});
const ruleOf = reader({
  Id: [],
  Name: [],
  Description: [],
  Category: [],
  Version: [],
  RuleSet: ['RuleSetName'],
  OperatingSystems: [],
  Tags: [],
});
const namedOf = reader({ Name: [], Version: [], Id: [] });
const contextOf = reader({ OsType: ['OperatingSystem', 'OS', 'Platform'] });

const PROCESS = placeAt('process', 'user');
const PARENT = placeAt('process.parent');
const TARGET = placeAt('cylance.detection.target_process');
const TARGET_PARENT = placeAt('cylance.detection.target_process.parent');
const FILE = placeAt('file');
const DLL = placeAt('dll');
const TARGET_USER = placeAt('user.target', 'user.target');
const PREFIX = 'cylance.detection';

export const mapping: Mapping = (record, source) => {
  const detection = detectionOf(record);
  const id = text(detection.Id);
  if (id === undefined) throw new Error('the record has no Id');
  const unfit: Unfit = {};
  const own: Fields = {};
  const related: Related = { hosts: [], ip: [], user: [], hash: [] };
  const document = base(detection, id, source, unfit, own);
  put(document, 'host', hostOf(detection, unfit, own, related));
  common(detection, unfit, own);
  if (isDetail(detection)) detailed(document, detection, unfit, own, related);
  if (detection.others !== undefined)
    put(own, 'other', flat(unfit, `${PREFIX}.other`, pick(record as Fields, detection.others)));
  conclude(document, PREFIX, { own, unfit, related });
  if (source.keepOriginal) (document.event as Fields).original = JSON.stringify(record);
  return document;
};

/** Whether there is more than a list record has. */
function isDetail(detection: Detection): boolean {
  return (
    detection.AssociatedArtifacts !== undefined ||
    detection.ArtifactsOfInterest !== undefined ||
    detection.DetectionRule !== undefined ||
    detection.Responses !== undefined ||
    detection.Detector !== undefined ||
    detection.Product !== undefined ||
    detection.Context !== undefined ||
    detection.Trace !== undefined ||
    detection.InvolvedArtifacts !== undefined ||
    detection.AppliedExceptions !== undefined
  );
}

/** The parts that every document has. Times are shipped as the endpoint's clock said them. */
function base(detection: Detection, id: string, source: SourceFacts, unfit: Unfit, own: Fields): EcsDocument {
  const occurred = date(unfit, '@timestamp', detection.OccurrenceTime);
  const activated = date(unfit, 'event.start', detection.ActivationTime);
  const received = date(unfit, 'event.created', detection.ReceivedTime);
  const event: Fields = { kind: 'alert', category: ['intrusion_detection'], type: ['info'] };
  event.module = 'cylance';
  event.dataset = PREFIX;
  event.id = id;
  if (received !== undefined) event.created = received;
  if (activated !== undefined) event.start = activated;
  const severity = keyword(unfit, 'event.severity', detection.Severity);
  if (severity !== undefined) {
    own.severity = severity;
    const number = severityOf(severity);
    if (number !== undefined) {
      event.severity = number;
      event.risk_score = number;
    }
  }
  const description = keyword(unfit, 'event.reason', detection.DetectionDescription);
  if (description !== undefined) event.reason = description;
  if (source.consoleUrl !== undefined) event.url = `${source.consoleUrl}/Optics#/detect/${encodeURIComponent(id)}`;
  const document: EcsDocument = {
    '@timestamp': occurred ?? activated ?? received,
    ecs: { version: ECS_VERSION },
    message: titleOf(detection, unfit) ?? description ?? `Cylance detection ${id}`,
    event,
    observer: { vendor: 'Cylance', product: 'CylanceOPTICS' },
    organization: { id: source.tenantId === '' ? (text(detection.TenantId) ?? 'unknown') : source.tenantId },
  };
  if (occurred === undefined && document['@timestamp'] !== undefined) document.tags = [timeTag(activated)];
  if (detection.Deleted === true || detection.Deleted === 'true') buried(document, event, own, id);
  return document;
}

function timeTag(activated: string | undefined): string {
  return activated === undefined ? 'timestamp_is_received_time' : 'timestamp_is_activation_time';
}

/** A deletion is news about a detection, never an alert of its own. */
function buried(document: EcsDocument, event: Fields, own: Fields, id: string): void {
  event.kind = 'event';
  own.deleted = true;
  document.message = `Cylance detection ${id} was deleted`;
}

/** Kibana takes `message` as the alert's name: one line, the same for all detections of a rule. */
function titleOf(detection: Detection, unfit: Unfit): string | undefined {
  const name =
    keyword(unfit, `${PREFIX}.name`, detection.Name) ?? ruleName(detection) ?? text(detection.DetectionDescription);
  return name === undefined ? undefined : title(name);
}

function ruleName(detection: Detection): string | undefined {
  if (detection.DetectionRule === undefined) return undefined;
  return isRecord(detection.DetectionRule) ? text(ruleOf(detection.DetectionRule).Name) : text(detection.DetectionRule);
}

function hostOf(detection: Detection, unfit: Unfit, own: Fields, related: Related): Fields | undefined {
  if (detection.Device === undefined) return undefined;
  const host: Fields = {};
  if (!isRecord(detection.Device)) {
    const name = keyword(unfit, 'host.name', detection.Device);
    if (name === undefined) return undefined;
    related.hosts.push(name);
    return { name };
  }
  const device = deviceOf(detection.Device);
  const id = keyword(unfit, 'host.id', device.CylanceId);
  if (id !== undefined) {
    host.id = deviceId(id);
    own.device_id = id;
  }
  const name = keyword(unfit, 'host.name', device.Name);
  if (name !== undefined) {
    host.name = name;
    related.hosts.push(name);
  }
  if (device.IpAddresses !== undefined) {
    const found = ips(unfit, 'host.ip', device.IpAddresses);
    put(host, 'ip', found);
    if (found !== undefined) related.ip.push(...found);
  }
  if (device.MacAddresses !== undefined) put(host, 'mac', macs(unfit, 'host.mac', device.MacAddresses));
  if (device.OsType !== undefined || device.OsVersion !== undefined)
    put(host, 'os', systemOf(device.OsType, device.OsVersion, unfit));
  if (device.others !== undefined)
    put(own, 'device_other', flat(unfit, `${PREFIX}.device_other`, pick(detection.Device, device.others)));
  return filled(host);
}

function systemOf(type: unknown, version: unknown, unfit: Unfit): Fields | undefined {
  const os: Fields = {};
  const name = keyword(unfit, 'host.os.name', type);
  const full = keyword(unfit, 'host.os.full', version);
  const known = (name === undefined ? undefined : osType(name)) ?? (full === undefined ? undefined : osType(full));
  put(os, 'type', known);
  put(os, 'name', name);
  put(os, 'full', full);
  return filled(os);
}

/** What list record and detail share, below the prefix. */
function common(detection: Detection, unfit: Unfit, own: Fields): void {
  put(own, 'phonetic_id', keyword(unfit, 'cylance.detection.phonetic_id', detection.PhoneticId));
  put(own, 'status', keyword(unfit, 'cylance.detection.status', detection.Status));
  put(own, 'tenant_id', keyword(unfit, 'cylance.detection.tenant_id', detection.TenantId));
  if (detection.DetectionDescription !== undefined) put(own, 'description', text(detection.DetectionDescription));
  if (detection.Name !== undefined) put(own, 'name', text(detection.Name));
  if (detection.Comment !== undefined)
    put(own, 'comment', keyword(unfit, 'cylance.detection.comment', detection.Comment));
  if (detection.ObjectType !== undefined)
    put(own, 'object_type', keyword(unfit, 'cylance.detection.object_type', detection.ObjectType));
  if (detection.SchemaVersion !== undefined) {
    put(own, 'schema_version', integer(unfit, 'cylance.detection.schema_version', detection.SchemaVersion));
  }
  if (detection.SeveritySortLevel !== undefined) {
    put(
      own,
      'severity_sort_level',
      integer(unfit, 'cylance.detection.severity_sort_level', detection.SeveritySortLevel),
    );
  }
  if (detection.StatusSortLevel !== undefined) {
    put(own, 'status_sort_level', integer(unfit, 'cylance.detection.status_sort_level', detection.StatusSortLevel));
  }
  if (detection.ZoneIds !== undefined)
    put(own, 'zone_ids', keywords(unfit, 'cylance.detection.zone_ids', detection.ZoneIds));
}

function detailed(document: EcsDocument, detection: Detection, unfit: Unfit, own: Fields, related: Related): void {
  const cast = castOf(detection.AssociatedArtifacts, detection.ArtifactsOfInterest);
  if (!isEmpty(detection.AssociatedArtifacts) && cast.artifacts.length === 0 && cast.count > 0) {
    misfit(unfit, 'cylance.detection.artifacts', detection.AssociatedArtifacts);
  }
  if (!isEmpty(detection.ArtifactsOfInterest) && cast.interests.length === 0) {
    misfit(unfit, 'cylance.detection.artifacts_of_interest', detection.ArtifactsOfInterest);
  }
  rule(document, detection, unfit, own);
  product(document, detection, unfit, own);
  system(document, detection, unfit);
  actor(document, cast, unfit, own);
  targets(document, cast, unfit, related);
  question(document, cast, unfit);
  put(own, 'responses', responsesOf(unfit, detection.Responses));
  put(own, 'applied_exceptions', exceptionsOf(unfit, detection.AppliedExceptions));
  put(own, 'trace', flat(unfit, `${PREFIX}.trace`, detection.Trace));
  put(own, 'context', flat(unfit, `${PREFIX}.context`, detection.Context));
  put(own, 'involved_artifacts', flat(unfit, `${PREFIX}.involved_artifacts`, detection.InvolvedArtifacts));
  artifacts(cast, unfit, own);
  relate(cast, related);
  relateUsers(document, own, related);
}

/** The name that was asked for. */
function question(document: EcsDocument, cast: Cast, unfit: Unfit): void {
  const asked = ['targetdnsrequest', 'targetdnsquery', 'targetdns']
    .map((role) => cast.roles.get(role))
    .find((one) => one);
  const artifact = asked ?? onlyOne(cast, 'dns');
  if (artifact?.kind !== 'dns') return;
  const name = questionOf(unfit, artifact.facts);
  if (name !== undefined) document.dns = { question: { name } };
}

function rule(document: EcsDocument, detection: Detection, unfit: Unfit, own: Fields): void {
  const given = detection.DetectionRule;
  if (given === undefined) return;
  const said = isRecord(given) ? ruleOf(given) : { Name: given };
  const result: Fields = {};
  put(result, 'id', keyword(unfit, 'rule.id', said.Id));
  put(result, 'name', keyword(unfit, 'rule.name', said.Name));
  put(result, 'description', keyword(unfit, 'rule.description', said.Description));
  put(result, 'category', keyword(unfit, 'rule.category', said.Category));
  put(result, 'version', keyword(unfit, 'rule.version', said.Version));
  put(result, 'ruleset', keyword(unfit, 'rule.ruleset', said.RuleSet));
  put(document, 'rule', filled(result));
  const event = document.event as Fields;
  if (event.reason === undefined) put(event, 'reason', result.description);
  put(document, 'threat', techniques([said.Name, said.Description, ...listOf(said.Tags)]));
  if (said.Tags !== undefined) put(own, 'rule_tags', keywords(unfit, 'cylance.detection.rule_tags', said.Tags));
  put(own, 'rule_operating_systems', namesOf(unfit, `${PREFIX}.rule_operating_systems`, said.OperatingSystems));
  if (isRecord(given) && said.others !== undefined)
    put(own, 'rule_other', flat(unfit, `${PREFIX}.rule_other`, pick(given, said.others)));
}

const TECHNIQUE = /\b(T[01]\d{3})(\.\d{3})?\b/g;

/** Only ids that the vendor wrote down; a technique is never inferred from a rule's name. */
function techniques(texts: readonly unknown[]): Fields | undefined {
  const ids = new Set<string>();
  const parts = new Set<string>();
  for (const item of texts) {
    if (typeof item !== 'string' || !(item.includes('T1') || item.includes('T0'))) continue;
    for (const [whole, technique, part] of item.slice(0, 10_000).matchAll(TECHNIQUE)) {
      ids.add(technique as string);
      if (part !== undefined) parts.add(whole);
    }
  }
  if (ids.size === 0) return undefined;
  const technique: Fields = { id: [...ids].sort() };
  if (parts.size > 0) technique.subtechnique = { id: [...parts].sort() };
  return { framework: 'MITRE ATT&CK', technique };
}

function product(document: EcsDocument, detection: Detection, unfit: Unfit, own: Fields): void {
  const detector: ReturnType<typeof namedOf> = isRecord(detection.Detector)
    ? namedOf(detection.Detector)
    : { Name: detection.Detector };
  const made: ReturnType<typeof namedOf> = isRecord(detection.Product)
    ? namedOf(detection.Product)
    : { Name: detection.Product };
  keepOthers(unfit, `${PREFIX}.detector`, detection.Detector, detector);
  keepOthers(unfit, `${PREFIX}.product`, detection.Product, made);
  const detectorName = keyword(unfit, 'event.provider', detector.Name);
  put(document.event as Fields, 'provider', detectorName);
  const version = keyword(unfit, 'observer.version', made.Version);
  put(document.observer as Fields, 'version', version);
  put(own, 'detector', named(detectorName, keyword(unfit, 'cylance.detection.detector.version', detector.Version)));
  put(own, 'product', named(keyword(unfit, 'cylance.detection.product.name', made.Name), version));
}

function named(name: string | undefined, version: string | undefined): Fields | undefined {
  const result: Fields = {};
  put(result, 'name', name);
  put(result, 'version', version);
  return filled(result);
}

/** The operating system where the device does not say it: from the context, or from a rule written for one system only. */
function system(document: EcsDocument, detection: Detection, unfit: Unfit): void {
  const host = document.host as Fields | undefined;
  if (host === undefined || host.os !== undefined) return;
  const context = isRecord(detection.Context) ? contextOf(detection.Context).OsType : undefined;
  if (text(context) !== undefined) {
    put(host, 'os', systemOf(context, undefined, unfit));
    return;
  }
  const systems = isRecord(detection.DetectionRule) ? listOf(ruleOf(detection.DetectionRule).OperatingSystems) : [];
  if (systems.length !== 1) return;
  const name = text(isRecord(systems[0]) ? namedOf(systems[0]).Name : systems[0]);
  const type = name === undefined ? undefined : osType(name);
  if (type !== undefined) host.os = { type };
}

/** The instigating process and its owner; the target process where there is no other. */
function actor(document: EcsDocument, cast: Cast, unfit: Unfit, own: Fields): void {
  const instigating = cast.roles.get('instigatingprocess');
  const target = cast.roles.get('targetprocess');
  const main = instigating ?? target ?? onlyOne(cast, 'process');
  const role = instigating !== undefined ? 'instigating' : 'target';
  if (main !== undefined) {
    const image = cast.roles.get(`${role}processimagefile`);
    const process = processAt(unfit, PROCESS, cast, main, image);
    put(process, 'parent', parentAt(unfit, PARENT, cast, main.facts));
    put(document, 'process', filled(process));
    if (!isEmpty(process)) own.process_role = main === instigating || main === target ? role : 'only';
    addCategory(document, 'process');
  }
  const owner = cast.roles.get(`${role}processowner`);
  const user =
    main === undefined
      ? owner === undefined
        ? undefined
        : userOf(unfit, PROCESS, owner.facts)
      : ownerOf(unfit, PROCESS, cast, main, owner);
  if (user !== undefined) document.user = user;
  if (instigating !== undefined && target !== undefined && target !== instigating)
    put(own, 'target_process', targetProcess(unfit, cast, target));
}

function ownerOf(
  unfit: Unfit,
  at: typeof PROCESS,
  cast: Cast,
  process: Artifact,
  role: Artifact | undefined,
): User | undefined {
  return userAt(unfit, at, cast, process.facts.Owner, process.facts.OwnerUid, role);
}

function targetProcess(unfit: Unfit, cast: Cast, target: Artifact): Fields | undefined {
  const process = processAt(unfit, TARGET, cast, target, cast.roles.get('targetprocessimagefile'));
  put(process, 'parent', parentAt(unfit, TARGET_PARENT, cast, target.facts));
  put(process, 'user', ownerOf(unfit, TARGET, cast, target, cast.roles.get('targetprocessowner')));
  return filled(process);
}

/** What the actor acted upon. A rule need not name it: then the only artifact of its kind is it. */
function targets(document: EcsDocument, cast: Cast, unfit: Unfit, related: Related): void {
  const file = cast.roles.get('targetfile') ?? onlyOne(cast, 'file', images(cast));
  if (file !== undefined) {
    put(document, 'file', filled(fileAt(unfit, FILE, cast, file, false)));
    addCategory(document, 'file');
  }
  const module = cast.roles.get('targetmodule') ?? cast.roles.get('targetimage') ?? onlyOne(cast, 'module');
  if (module !== undefined) put(document, 'dll', filled(fileAt(unfit, DLL, cast, module, true)));
  const registry = cast.roles.get('targetregistrykey') ?? cast.roles.get('targetregistry') ?? onlyOne(cast, 'registry');
  if (registry !== undefined) {
    put(document, 'registry', filled(registryAt(unfit, registry)));
    // Optics watches what is written to the registry; `registry` goes with no weaker type than this.
    addCategory(document, 'registry', 'change');
  }
  const connection =
    cast.roles.get('targetnetworkconnection') ?? cast.roles.get('targetnetwork') ?? onlyOne(cast, 'network');
  if (connection !== undefined) {
    const { destination, source, network } = connectionAt(unfit, connection, related);
    put(document, 'destination', destination);
    put(document, 'source', source);
    put(document, 'network', network);
    addCategory(document, 'network', 'connection');
  }
  const user = cast.roles.get('targetuser');
  if (user !== undefined) {
    const target = userOf(unfit, TARGET_USER, user.facts);
    if (target !== undefined) document.user = { ...(document.user as User | undefined), target };
  }
}

/** Files that are only there because a process or a role points at them. */
function images(cast: Cast): ReadonlySet<Artifact> {
  const found = new Set<Artifact>();
  for (const artifact of cast.artifacts) {
    if (artifact.kind !== 'process') continue;
    const image = imageOf(cast, artifact.facts);
    if (image !== undefined) found.add(image);
  }
  for (const [role, artifact] of cast.roles) if (role.endsWith('imagefile')) found.add(artifact);
  return found;
}

function addCategory(document: EcsDocument, category: string, type?: string): void {
  const event = document.event as { category: string[]; type: string[] };
  event.category.push(category);
  if (type !== undefined) event.type.push(type);
}

const EXCEPTIONS = `${PREFIX}.applied_exceptions`;

/** The guide leaves the items open ("Unknown Type: list"): names, or objects with Id, Name and Version. */
function exceptionsOf(unfit: Unfit, value: unknown): Fields[] | undefined {
  const result: Fields[] = [];
  for (const item of itemsAt(unfit, EXCEPTIONS, value)) {
    const said = isRecord(item) ? namedOf(item) : { Name: item };
    const exception: Fields = {};
    put(exception, 'id', keyword(unfit, 'cylance.detection.applied_exceptions.id', said.Id));
    put(exception, 'name', keyword(unfit, 'cylance.detection.applied_exceptions.name', said.Name));
    put(exception, 'version', keyword(unfit, 'cylance.detection.applied_exceptions.version', said.Version));
    if (isRecord(item) && said.others !== undefined)
      put(exception, 'other', flat(unfit, `${EXCEPTIONS}.other`, pick(item, said.others)));
    if (!isEmpty(exception)) result.push(exception);
  }
  return result.length === 0 ? undefined : result;
}

const ARTIFACTS = `${PREFIX}.artifacts`;
const PROPERTIES = `${ARTIFACTS}.properties`;
const INTERESTS = `${PREFIX}.artifacts_of_interest`;

/** All of them with everything they say, and what the rule pointed at. */
function artifacts(cast: Cast, unfit: Unfit, own: Fields): void {
  if (cast.hasMore) {
    const all = cast.artifacts.length >= MOST_ITEMS ? MOST_ITEMS : cast.artifacts.length + cast.skipped.length;
    tellCut(unfit, ARTIFACTS, all, cast.count);
  }
  if (cast.artifacts.length > 0) for (const item of cast.skipped) misfit(unfit, ARTIFACTS, item);
  for (const remark of cast.remarks) misfit(unfit, INTERESTS, remark);
  if (cast.isCut) {
    const all = cast.interests.length >= MAX_INTERESTS ? MAX_INTERESTS : cast.interests.length + cast.remarks.length;
    tellCut(unfit, INTERESTS, all, cast.interestCount);
  }
  if (cast.count > 0 && cast.artifacts.length > 0) {
    own.artifact_count = cast.count;
    const entries = cast.artifacts.map(({ uid, type, members }) => {
      const entry: Fields = {};
      put(entry, 'uid', uid);
      put(entry, 'type', type);
      put(entry, 'properties', flat(unfit, PROPERTIES, members));
      return entry;
    });
    put(
      own,
      'artifacts',
      entries.filter((entry) => !isEmpty(entry)),
    );
  }
  if (cast.interests.length > 0) {
    const entries = cast.interests.map(({ state, source, uid, type }) => {
      const entry: Fields = {};
      put(entry, 'state', text(state));
      put(entry, 'source', source);
      put(entry, 'uid', uid);
      put(entry, 'type', type);
      return entry;
    });
    put(
      own,
      'artifacts_of_interest',
      entries.filter((entry) => !isEmpty(entry)),
    );
  }
}

/** An artifact need not say that it is a user: then its part does. */
function relateUsers(document: EcsDocument, own: Fields, related: Related): void {
  const user = document.user as (User & { target?: User }) | undefined;
  const target = own.target_process as { user?: User } | undefined;
  for (const one of [user, user?.target, target?.user]) if (one?.name !== undefined) related.user.push(one.name);
}
