import { describe, expect, it } from 'vitest';
import { apexCentral } from '../../connectors/apex-central/shared/client.ts';
import { cylance } from '../../connectors/cylance/shared/client.ts';
import { load, problems } from './helpers.ts';

const knownStreams = [
  { name: 'cylance.detection', connector: cylance },
  { name: 'apex_central.footprint', connector: apexCentral },
] as const;
const GUID = '2EBEC86D-3FEB-4666-9CA6-B80AB1E193E6';
const TRIPLE = `${GUID}/${GUID}/58127b3e-1bde-4c6e-8d86-0d0f89ded601`;

function file(extra = ''): string {
  return `sources:
  - name: apex
    connector: apex_central
    base_url: https://apex.example.com:8443/
    application_id: a-1
    api_key: \${SECRET}
${extra}
sinks:
  - { name: files, type: ndjson }
`;
}

describe('a source of Apex Central', () => {
  it('has all defaults, its key as the secret, and the host as the tenant', () => {
    const told: string[] = [];
    const { config, warnings } = load(file(), { knownStreams, onSecret: (secret) => void told.push(secret) });
    expect(warnings).toEqual([]);
    expect(config.sources[0]).toMatchObject({
      connector: 'apex_central',
      baseUrl: 'https://apex.example.com:8443',
      tenantId: 'apex.example.com:8443',
      applicationId: 'a-1',
      streams: ['apex_central.footprint'],
      parents: {},
      reading: { taskPollMs: 1000, taskDeadlineMs: 600_000 },
    });
    expect(config.sources[0]?.region).toBeUndefined();
    expect(config.sources[0]?.applicationSecret()).toBe('very-secret-1');
    expect(told).toContain('very-secret-1');
  });

  it('takes a tenant id and footprints by their GUIDs', () => {
    const extra = `    tenant_id: t-7\n    parents: { apex_central.footprint: [${TRIPLE}] }`;
    const [source] = load(file(extra), { knownStreams }).config.sources;
    expect(source).toMatchObject({ tenantId: 't-7', parents: { 'apex_central.footprint': [TRIPLE] } });
  });

  it.each([
    ['    region: na', 'sources[0].region: is not a key here'],
    ['    application_secret: x', 'sources[0].application_secret: is not a key here'],
    [`    parents: { apex_central.footprint: [${GUID}] }`, 'is not server/agent/summary; write three GUIDs'],
    ['    parents: { apex_central.footprnt: [] }', 'did you mean "apex_central.footprint"?'],
    ['    streams: [cylance.detection]', '"cylance.detection" is not a stream of apex_central'],
    ['    reading: { task_poll: 5 }', 'sources[0].reading.task_poll: 5 is not a duration'],
  ])('refuses %s', (extra, line) => {
    expect(problems(file(extra), { knownStreams })).toEqual([expect.stringContaining(line)]);
  });

  it('needs an address, an application and a key', () => {
    const text = file().replace(/ {4}(?:base_url|application_id|api_key).*\n/g, '');
    expect(problems(text, { knownStreams }).map((line) => line.split(' ').slice(1).join(' '))).toEqual([
      'sources[0].base_url: is required',
      'sources[0].application_id: is required',
      'sources[0].api_key: is required',
    ]);
  });

  it('never shows the key, and warns where it stands in the file', () => {
    const literal = file().replace('$' + '{SECRET}', 'plain-key-1');
    const { warnings } = load(literal, { knownStreams });
    expect(warnings).toEqual([expect.stringContaining('sources[0].api_key: a secret stands in the file itself')]);
    expect(warnings.join()).not.toContain('plain-key-1');
    const missing = file().replace('$' + '{SECRET}', 'file:/no/such');
    expect(problems(missing, { knownStreams })).toEqual([expect.stringContaining('sources[0].api_key: the file')]);
  });
});
