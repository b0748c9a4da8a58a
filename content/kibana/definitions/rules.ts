/**
 * Rules of Kibana's detection engine. All look at `event.ingested`: a record may arrive long after it happened.
 *
 * They look 20 minutes back every 5: `event.ingested` is the time at which a document was written, and Elasticsearch may
 * have refused it for 10 minutes (`retry_deadline`) before it took it.
 */
import { ALERT, DETECTION } from './shared.ts';
import type { DetectionRule } from './types.ts';

const EVERY = { interval: '5m', from: 'now-20m' } as const;
const HEARTBEAT = 'sluice.heartbeat';

export const RULES: readonly DetectionRule[] = [
  {
    ...{ id: 'sluice-detection', version: 1, name: 'Cylance detection', severity: 'medium', riskScore: 47, ...EVERY },
    about:
      'Promotes each detection of CylanceOPTICS to an alert, under its own name, severity and risk. Later changes of a detection raise none.',
    note: 'The detection itself is behind `event.url`. What became of it since: the dashboard "Sluice: detections", by `event.id`.',
    tags: ['Sluice', 'Cylance', 'Data Source: CylanceOPTICS'],
    of: { view: 'records', streams: [DETECTION], where: ALERT, promotes: true },
    suppress: { by: ['event.id'], hours: 24 },
    shows: ['host.name', 'user.name', 'process.command_line', 'process.parent.name', 'rule.description', 'event.url'],
    nameField: 'message',
    scoreField: 'event.risk_score',
    severities: [
      { field: 'event.severity', is: '1', severity: 'low' },
      { field: 'event.severity', is: '21', severity: 'low' },
      { field: 'event.severity', is: '47', severity: 'medium' },
      { field: 'event.severity', is: '73', severity: 'high' },
      { field: 'event.severity', is: '99', severity: 'critical' },
    ],
  },
  {
    ...{
      id: 'sluice-threat',
      version: 1,
      name: 'Cylance threat on a device',
      severity: 'medium',
      riskScore: 47,
      ...EVERY,
    },
    about:
      'Raises an alert for each file that CylancePROTECT found to be malware on a device, when Sluice first sees it there. The first reading brings those of years: enable it afterwards.',
    note: 'Where else the file is: the dashboard "Sluice: threats", by `file.hash.sha256`. `cylance.threat_device.file_status` says whether it is quarantined.',
    tags: ['Sluice', 'Cylance', 'Data Source: CylancePROTECT'],
    of: {
      ...{ view: 'records', streams: ['cylance.threat_device'], promotes: true },
      where: {
        all: [
          { field: 'event.sequence', is: 1 },
          { field: 'event.category', is: 'malware' },
        ],
      },
    },
    suppress: { by: ['event.id'], hours: 24 },
    shows: [
      'host.name',
      'file.path',
      'file.hash.sha256',
      'cylance.threat_device.file_status',
      'cylance.threat_device.threat.classification',
    ],
    nameField: 'message',
    scoreField: 'event.risk_score',
    severities: [
      { field: 'cylance.threat_device.file_status', is: 'Default', severity: 'high' },
      { field: 'cylance.threat_device.file_status', is: 'Suspicious', severity: 'medium' },
      { field: 'cylance.threat_device.file_status', is: 'Quarantined', severity: 'low' },
    ],
  },
  {
    ...{
      id: 'sluice-footprint',
      version: 1,
      name: 'Apex Central footprint of high risk',
      severity: 'high',
      riskScore: 73,
      ...EVERY,
    },
    about:
      'Raises an alert for each host and program of an Apex Central investigation with an event of the highest risk level.',
    note: 'The chain of the events: the dashboard "Sluice: footprints", by `host.name`.',
    tags: ['Sluice', 'Apex Central'],
    of: {
      ...{ view: 'records', streams: ['apex_central.footprint'], promotes: true },
      where: { field: 'apex_central.footprint.risk_level', from: 3 },
    },
    suppress: { by: ['host.id', 'process.executable'], hours: 24 },
    shows: [
      'host.name',
      'user.name',
      'process.command_line',
      'process.parent.name',
      'file.path',
      'apex_central.footprint.scan_summary_guid',
    ],
    nameField: 'message',
  },
  {
    ...{
      id: 'sluice-silent',
      version: 1,
      name: 'Sluice: no heartbeat of a source',
      severity: 'high',
      riskScore: 73,
      interval: '5m',
      from: 'now-1h',
    },
    about:
      'Fires for each source whose heartbeats were there within the last day and have stopped for ten minutes: Sluice, its network or its machine is away, and no alert of that source can come. Needs `heartbeat` in the config of Sluice.',
    note: 'Ask Sluice where it runs: `sluice status`, or its log. Nothing is lost while it is away: it goes on where it stopped.',
    tags: ['Sluice', 'Health'],
    of: {
      esql: [
        'FROM logs-sluice.heartbeat-*',
        '| WHERE @timestamp > NOW() - 1 day',
        '| STATS last_heartbeat = MAX(@timestamp) BY sluice.heartbeat.source',
        '| WHERE last_heartbeat < NOW() - 10 minutes',
      ].join('\n'),
      stream: HEARTBEAT,
      reads: ['@timestamp', 'sluice.heartbeat.source'],
    },
    suppress: { by: ['sluice.heartbeat.source'], hours: 1 },
    shows: ['sluice.heartbeat.source', 'last_heartbeat'],
  },
  {
    ...{
      id: 'sluice-failing',
      version: 1,
      name: 'Sluice: a stream is failing',
      severity: 'medium',
      riskScore: 47,
      ...EVERY,
    },
    about:
      'Fires for each pipeline that says in its heartbeat that it fails: a refused token, a sink that takes nothing. Needs `heartbeat` in the config of Sluice.',
    note: '`sluice.heartbeat.why` says what is wrong; `sluice status` says what to do about it.',
    tags: ['Sluice', 'Health'],
    of: {
      view: 'heartbeats',
      streams: [HEARTBEAT],
      where: { field: 'sluice.heartbeat.status', is: ['failing', 'stopped'] },
      promotes: false,
    },
    suppress: { by: ['sluice.heartbeat.pipeline'], hours: 1 },
    shows: ['sluice.heartbeat.pipeline', 'sluice.heartbeat.why', 'sluice.heartbeat.settled_until'],
    nameField: 'message',
  },
  {
    ...{
      id: 'sluice-quiet',
      version: 1,
      name: 'Sluice: a stream is quiet',
      severity: 'medium',
      riskScore: 47,
      ...EVERY,
    },
    about:
      'Fires for each pipeline that reads well and finds nothing for longer than its stream is ever quiet: at the vendor, endpoints may have stopped to report. Needs `heartbeat` in the config of Sluice.',
    note: '`sluice.heartbeat.why` says for how long, and what would be usual. `expect_within` of the source in the config says what is expected.',
    tags: ['Sluice', 'Health'],
    of: {
      view: 'heartbeats',
      streams: [HEARTBEAT],
      where: { field: 'sluice.heartbeat.status', is: 'silent' },
      promotes: false,
    },
    suppress: { by: ['sluice.heartbeat.pipeline'], hours: 24 },
    shows: ['sluice.heartbeat.pipeline', 'sluice.heartbeat.why', 'sluice.heartbeat.settled_until'],
    nameField: 'message',
  },
];
