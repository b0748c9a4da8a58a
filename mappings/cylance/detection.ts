/**
 * CylanceOPTICS detections: the guide's "Get Detection" (the detail), "Get Detections" (a list record alone, when the
 * detail could not be had) and the tombstone of one that was deleted.
 *
 * Actor and target are never swapped: `process` is the instigating process. Where a detection names none, `process` is
 * the target or the only one there is, and `cylance.detection.process_role` says so.
 */
import { members } from '../../members/cylance/detection.ts';
import {
  type Fields,
  filled,
  isEmpty,
  isRecord,
  keyword,
  keywords,
  listOf,
  MOST_ITEMS,
  misfit,
  opened,
  put,
  reader,
  tellCut,
  text,
  type Unfit,
} from '../ecs.ts';
import { keepOthers, title } from '../ecs-document.ts';
import { flat } from '../ecs-flat.ts';
import { type Draft, mappingOf, partOf, rest } from '../ecs-frame.ts';
import { osType, severityOf, systemIn } from '../ecs-names.ts';
import { date } from '../ecs-time.ts';
import { actor, question, relateUsers, targets } from './detection/actors.ts';
import { ecs, own } from './detection/fields.ts';
import { RESPONSES, responsesOf } from './detection/responses.ts';
import { MAX_INTERESTS, type Roles, rolesOf } from './shared/artifacts.ts';
import { hostOf, OPTICS, putAddresses } from './shared/base.ts';
import { relate } from './shared/places.ts';
import { namesOf, RULE } from './shared/rules.ts';
import { attackOf } from './shared/threats.ts';

const PREFIX = 'cylance.detection';

type Detection = { -readonly [name in keyof typeof members]?: unknown };

/** Parts of a detail that are objects or lists; a gateway in between may hand them on as JSON in a text. */
const PARTS = [
  ...(['DetectionRule', 'Detector', 'Product', 'AssociatedArtifacts', 'ArtifactsOfInterest'] as const),
  ...(['Responses', 'AppliedExceptions', 'Context', 'Trace', 'InvolvedArtifacts'] as const),
];

const deviceOf = reader({
  CylanceId: ['CylancelId', 'Cylancelid', 'Cylanceld', 'Id', 'DeviceId'],
  Name: ['DeviceName'],
  HostName: [],
  OsType: ['OperatingSystem', 'OS', 'Os', 'Platform'],
  OsVersion: ['OperatingSystemVersion'],
  IpAddresses: ['IpAddress', 'Ip', 'ip_addresses'],
  MacAddresses: ['MacAddress', 'Mac', 'mac_addresses'],
});
const rulePart = partOf({
  at: 'rule',
  members: {
    Id: [],
    Name: [],
    Description: [],
    Category: [],
    Version: [],
    RuleSet: ['RuleSetName'],
    OperatingSystems: [],
    Tags: [],
  },
  own: {
    ...RULE,
    category: ['keyword', 'Category'],
    ruleset: ['keyword', 'RuleSet'],
  },
  alone: 'Name',
});
/** The guide leaves the items open ("Unknown Type: list"): names, or objects with Id, Name and Version. */
const exceptionPart = partOf({
  at: `${PREFIX}.applied_exceptions`,
  members: { Name: [], Version: [], Id: [] },
  own: { id: ['keyword', 'Id'], name: ['keyword', 'Name'], version: ['keyword', 'Version'], other: 'flattened' },
  alone: 'Name',
});
/** Detector, product and operating systems are named alike. */
const namedOf = exceptionPart.read;
const contextOf = reader({ OsType: ['OperatingSystem', 'OS', 'Platform'] });

export const { mapping, fields } = mappingOf(
  {
    prefix: PREFIX,
    observer: OPTICS,
    members,
    id: 'Id',
    event: { kind: 'alert', category: ['intrusion_detection'], type: ['info'] },
    tenant: (detection) => detection.TenantId,
    own,
    parts: [exceptionPart, ...RESPONSES],
    ecs,
    nested: [`${PREFIX}.artifacts`],
    most: { [`${PREFIX}.artifacts_of_interest`]: MAX_INTERESTS },
  },
  (draft, said) => {
    const detection: Detection = said;
    let isDetailed = false; // there is more than a list record has
    for (const part of PARTS) {
      const value = detection[part];
      if (value === undefined) continue;
      isDetailed = true;
      if (typeof value === 'string') detection[part] = opened(value);
    }
    if (typeof detection.Device === 'string') detection.Device = opened(detection.Device);
    const message = base(draft, detection);
    put(draft.document, 'host', deviceAt(draft, detection.Device));
    if (isDetailed) detailed(draft, detection);
    return message;
  },
);

/** The parts that every document has. Times are shipped as the endpoint's clock said them. Returns the message. */
function base({ id, source, document, event, own, unfit }: Draft, detection: Detection): string {
  const occurred = date(unfit, '@timestamp', detection.OccurrenceTime);
  const activated = date(unfit, 'event.start', detection.ActivationTime);
  const received = date(unfit, 'event.created', detection.ReceivedTime);
  put(event, 'created', received);
  put(event, 'start', activated);
  const severity = keyword(unfit, 'event.severity', detection.Severity);
  if (severity !== undefined) {
    own.severity = severity;
    const number = severityOf(severity);
    put(event, 'severity', number);
    put(event, 'risk_score', number);
  }
  const description = keyword(unfit, 'event.reason', detection.DetectionDescription);
  put(event, 'reason', description);
  if (source.consoleUrl !== undefined) event.url = `${source.consoleUrl}/Optics#/detect/${encodeURIComponent(id)}`;
  put(document, '@timestamp', occurred ?? activated ?? received);
  if (occurred === undefined && document['@timestamp'] !== undefined)
    document.tags = [activated === undefined ? 'timestamp_is_received_time' : 'timestamp_is_activation_time'];
  const called = titleOf(detection, unfit) ?? description ?? `Cylance detection ${id}`;
  if (own.deleted !== true) return called;
  event.kind = 'event'; // a deletion is news about a detection, never an alert of its own
  return `Cylance detection ${id} was deleted`;
}

/** Kibana takes `message` as the alert's name: one line, the same for all detections of a rule. */
function titleOf(detection: Detection, unfit: Unfit): string | undefined {
  const name =
    keyword(unfit, `${PREFIX}.name`, detection.Name) ??
    text(rulePart.read(detection.DetectionRule).Name) ??
    text(detection.DetectionDescription);
  return name === undefined ? undefined : title(name);
}

/** The device, or only its name. */
function deviceAt(draft: Draft, given: unknown): Fields | undefined {
  const { own, unfit, related } = draft;
  if (!isRecord(given)) return hostOf(draft, undefined, given);
  const device = deviceOf(given);
  const host = hostOf(draft, device.CylanceId, device.Name ?? device.HostName) ?? {};
  const hostname = keyword(unfit, 'host.hostname', device.HostName);
  put(host, 'hostname', hostname);
  if (hostname !== undefined) related.hosts.push(hostname);
  putAddresses(draft, host, device.IpAddresses, device.MacAddresses);
  put(host, 'os', systemOf(device.OsType, device.OsVersion, unfit));
  put(own, 'device_other', flat(unfit, `${PREFIX}.device_other`, rest(given, device)));
  return filled(host);
}

function systemOf(type: unknown, version: unknown, unfit: Unfit): Fields | undefined {
  const name = keyword(unfit, 'host.os.name', type);
  const full = keyword(unfit, 'host.os.full', version);
  const os: Fields = full === undefined ? {} : systemIn(full);
  put(os, 'type', (name === undefined ? undefined : osType(name)) ?? os.type);
  put(os, 'name', name);
  return filled(os);
}

function detailed(draft: Draft, detection: Detection): void {
  const { own, unfit, related } = draft;
  const roles = rolesOf(detection.AssociatedArtifacts, detection.ArtifactsOfInterest, detection.InvolvedArtifacts);
  if (!isEmpty(detection.AssociatedArtifacts) && roles.artifacts.length === 0 && roles.count > 0) {
    misfit(unfit, 'cylance.detection.artifacts', detection.AssociatedArtifacts);
  }
  if (!isEmpty(detection.ArtifactsOfInterest) && roles.interests.length === 0) {
    misfit(unfit, 'cylance.detection.artifacts_of_interest', detection.ArtifactsOfInterest);
  }
  rule(draft, detection);
  product(draft, detection);
  system(draft, detection);
  actor(draft, roles);
  targets(draft, roles);
  question(draft, roles);
  put(own, 'responses', responsesOf(unfit, detection.Responses));
  put(own, 'applied_exceptions', exceptionPart.items(unfit, detection.AppliedExceptions));
  artifacts(draft, roles);
  relate(roles, related);
  relateUsers(draft);
}

function rule({ document, event, own, unfit }: Draft, { DetectionRule: given }: Detection): void {
  if (given === undefined) return;
  const said = rulePart.read(given);
  const result = rulePart.of(unfit, given, said);
  put(document, 'rule', result);
  if (event.reason === undefined) put(event, 'reason', result?.description);
  const tags = listOf(said.Tags);
  put(document, 'threat', attackOf({ texts: [said.Name, said.Description, ...tags], words: [said.Category, ...tags] }));
  put(own, 'rule_tags', keywords(unfit, `${PREFIX}.rule_tags`, said.Tags));
  put(own, 'rule_operating_systems', namesOf(unfit, `${PREFIX}.rule_operating_systems`, said.OperatingSystems));
  put(own, 'rule_other', flat(unfit, `${PREFIX}.rule_other`, rest(given, said)));
}

function product({ document, event, own, unfit }: Draft, detection: Detection): void {
  const detector = namedOf(detection.Detector);
  const made = namedOf(detection.Product);
  keepOthers(unfit, `${PREFIX}.detector`, detection.Detector, detector);
  keepOthers(unfit, `${PREFIX}.product`, detection.Product, made);
  const detectorName = keyword(unfit, 'event.provider', detector.Name);
  put(event, 'provider', detectorName);
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
function system({ document, unfit }: Draft, detection: Detection): void {
  const host = document.host as Fields | undefined;
  if (host === undefined || host.os !== undefined) return;
  const context = isRecord(detection.Context) ? contextOf(detection.Context).OsType : undefined;
  if (text(context) !== undefined) {
    put(host, 'os', systemOf(context, undefined, unfit));
    return;
  }
  const systems = isRecord(detection.DetectionRule)
    ? listOf(rulePart.read(detection.DetectionRule).OperatingSystems)
    : [];
  if (systems.length !== 1) return;
  const name = text(namedOf(systems[0]).Name);
  const type = name === undefined ? undefined : osType(name);
  if (type !== undefined) host.os = { type };
}

const ARTIFACTS = `${PREFIX}.artifacts`;
const PROPERTIES = `${ARTIFACTS}.properties`;
const INTERESTS = `${PREFIX}.artifacts_of_interest`;

/** All artifacts with everything that they say, and those that the rule pointed at. */
function artifacts({ own, unfit }: Draft, roles: Roles): void {
  if (roles.hasMore) {
    const all = roles.artifacts.length >= MOST_ITEMS ? MOST_ITEMS : roles.artifacts.length + roles.skipped.length;
    tellCut(unfit, ARTIFACTS, all, roles.count);
  }
  if (roles.artifacts.length > 0) for (const item of roles.skipped) misfit(unfit, ARTIFACTS, item);
  for (const remark of roles.remarks) misfit(unfit, INTERESTS, remark);
  if (roles.isCut) {
    const all = roles.interests.length >= MAX_INTERESTS ? MAX_INTERESTS : roles.interests.length + roles.remarks.length;
    tellCut(unfit, INTERESTS, all, roles.interestCount);
  }
  if (roles.count > 0 && roles.artifacts.length > 0) {
    own.artifact_count = roles.count;
    const entries = roles.artifacts.map(({ uid, type, members }) =>
      entryOf({ uid, type, properties: flat(unfit, PROPERTIES, members) }),
    );
    put(own, 'artifacts', entries.filter(isFilled));
  }
  if (roles.interests.length > 0) {
    const entries = roles.interests.map((interest) => entryOf({ ...interest, state: text(interest.state) }));
    put(own, 'artifacts_of_interest', entries.filter(isFilled));
  }
}

/** The fields that have a value. */
function entryOf(said: Fields): Fields {
  const entry: Fields = {};
  for (const name in said) put(entry, name, said[name]);
  return entry;
}

function isFilled(entry: Fields): boolean {
  return !isEmpty(entry);
}
