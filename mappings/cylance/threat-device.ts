/**
 * Files that are threats, where they were found: one row of "Get threat devices" for each device and path, with its
 * threat beside it. A finding of CylancePROTECT is an `event`; alerts are detections alone, and rows of years ago come
 * with the first reading.
 */
import * as tables from '../../members/cylance/threat-device.ts';
import { type Fields, filled, keyword, put } from '../ecs.ts';
import { title } from '../ecs-document.ts';
import { below, mappingOf, partOf } from '../ecs-frame.ts';
import { decimal, flagOf, hostOf, isTrusted, judge, PROTECT, putAddresses, stateOf, word } from './shared/base.ts';
import { FILE_FIELDS, fileAlone } from './shared/places.ts';
import { INDICATOR, indicatorOf } from './shared/threats.ts';

const threatPart = partOf({
  at: 'cylance.threat_device.threat',
  members: tables.Threat,
  own: {
    name: ['keyword', 'name', word],
    classification: ['keyword', 'classification', word],
    sub_classification: ['keyword', 'sub_classification', word],
    /** The vendor's own, from 1 to -1, which is surely a threat. */
    score: ['float', 'cylance_score', decimal],
    safelisted: ['boolean', 'safelisted', flagOf],
  },
});

/** What a device, or the whole tenant, lets run. */
const ALLOWED: ReadonlySet<unknown> = new Set(['whitelisted', 'safelisted', 'waived', 'allowed', 'trusted']);

export const { mapping, fields } = mappingOf(
  {
    prefix: 'cylance.threat_device',
    observer: PROTECT,
    members: tables.members,
    time: 'date_found',
    event: { kind: 'event', category: ['malware', 'file'], type: ['info'] },
    own: {
      /** `Default` (unsafe), `Quarantined`, `Whitelisted`, `Suspicious`, `File Removed`, `Corrupt`. */
      file_status: ['keyword', 'file_status', word],
      /** Of the device. */
      state: ['keyword', 'state', stateOf],
      device_id: 'keyword',
      policy_id: ['keyword', 'policy_id'],
    },
    parts: [threatPart],
    ecs: [
      ...INDICATOR,
      'event.risk_score',
      'agent.version',
      ...below('host', ['id', 'name', 'ip', 'mac']),
      ...FILE_FIELDS,
      ...below('file.hash', ['md5', 'sha256']),
      ...below('related', ['hash', 'hosts', 'ip']),
    ],
  },
  (draft, row) => {
    const { document, event, own, unfit } = draft;
    const host = hostOf(draft, row.id, row.name) ?? {};
    putAddresses(draft, host, row.ip_addresses, row.mac_addresses);
    put(document, 'host', filled(host));
    const version = keyword(unfit, 'agent.version', row.agent_version);
    if (version !== undefined) document.agent = { version };
    const said = threatPart.read(row.Threat);
    // A row without a path is called as its threat is.
    const name = row.file_path === undefined ? said.name : undefined;
    const file = fileAlone(draft, { Path: row.file_path, Name: name, Md5: said.md5, Sha256: said.sha256 });
    put(document, 'file', file);
    const threat = threatPart.of(unfit, row.Threat, said) ?? {};
    put(own, 'threat', threat);
    const isAllowed = typeof own.file_status === 'string' && ALLOWED.has(own.file_status.toLowerCase());
    const isSafe = isAllowed || threat.safelisted === true || isTrusted(threat.classification);
    judge(event, threat.score as number | undefined, isSafe);
    const classes = [threat.classification, threat.sub_classification];
    const judged = { provider: PROTECT.product, classes, lastSeen: document['@timestamp'] };
    if (!isSafe) put(document, 'threat', indicatorOf(file, judged));
    return titleOf(file ?? {}, host, own);
  },
);

/** Of `Default` the vendor says that it means unsafe. */
function titleOf(file: Fields, host: Fields, own: Fields): string {
  const word = String(own.file_status ?? '').toLowerCase();
  const status = word === '' ? '' : ` (${word === 'default' ? 'unsafe' : word})`;
  return title(`${file.name ?? file.path ?? 'A threat'} on ${host.name ?? host.id ?? 'a device'}${status}`);
}
