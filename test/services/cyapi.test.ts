/** The public Python client cyapi, as it is on PyPI, against `sluice simulator`: it reads all there is. */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, expect, test } from 'vitest';
import { until, type Workplace, workplace } from '../cli/binary.ts';

const run = promisify(execFile);
const HERE = import.meta.dirname;

let place: Workplace;
afterEach(() => place.close());

/** A virtual environment with the client and what it needs. */
async function pythonIn(folder: string): Promise<string> {
  const environment = join(folder, 'python');
  await run('python3', ['-m', 'venv', environment]);
  const python = join(environment, 'bin', 'python');
  const requirements = join(HERE, 'cyapi', 'requirements.txt');
  await run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements]);
  return python;
}

interface Row {
  id: string;
  // biome-ignore lint/suspicious/noExplicitAny: the test says what it expects of it.
  record: any;
}

/** The truth of the running command. */
async function truthOf(url: string, stream: string): Promise<Row[]> {
  const text = await (await fetch(`${url}/_simulator/truth?stream=${stream}`)).text();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row);
}

const sorted = (values: Iterable<string>): string[] => [...values].sort();
const ids = (rows: Row[]): string[] => sorted(rows.map(({ id }) => id));

test('every list, detail and CSV call of cyapi 1.0.20 reads what the simulator says that there is', async ({
  skip,
}) => {
  place = await workplace({ detections: 0 });
  const isMissing = await run('python3', ['-c', 'import venv, ensurepip']).then(
    () => false,
    () => true,
  );
  if (isMissing && process.env.CI) throw new Error('CI must have Python 3 with venv');
  if (isMissing) skip('Python 3 with venv is not on this machine');
  const python = await pythonIn(place.folder);
  const started = place.start('simulator', '--port', '0', '--detections', '600');
  await until(() => /ready http\S+\n/.test(started.said()) && /Ctrl-C ends it/.test(started.said()));
  const url = /ready (http\S+)/.exec(started.said())?.[1] ?? '';
  const [, start = '', end = ''] = /detections from (\S+) to (\S+);/.exec(started.said()) ?? [];
  const truth = (stream: string) => truthOf(url, `cylance.${stream}`);

  const executions = ids(await truth('package_execution'));
  const [given, out] = [join(place.folder, 'given.json'), join(place.folder, 'out.json')];
  const later = new Date(Date.parse(end) + 1000).toISOString();
  const tenant = { tenant: 'simulated-tenant', application: 'simulated-application', secret: 'simulated-secret' };
  writeFileSync(given, JSON.stringify({ url, out, start, end: later, executions, ...tenant }));
  await run(python, ['-W', 'ignore', join(HERE, 'cyapi', 'calls.py'), given]).catch((error) =>
    expect.fail(String(error.stderr)),
  );
  const found = JSON.parse(readFileSync(out, 'utf8'));
  expect(found['not called']).toEqual([]);

  const detections = await truth('detection');
  for (const name of ['detections', 'since', 'range', ...Object.keys(found.sorted)])
    expect([name, sorted(found[name] ?? found.sorted[name])]).toEqual([name, ids(detections)]);
  const high = detections.filter(({ record }) => record.Severity === 'High' && record.Status === 'New');
  expect(sorted(found.high)).toEqual(ids(high));
  expect(linesWith(found.csv, detections)).toEqual([601, 600]);
  expect(found['list members']).toEqual([
    ...['DetectionDescription', 'Device', 'Id', 'OccurrenceTime', 'PhoneticId', 'ReceivedTime', 'Severity'],
    ...['Status', 'TenantId'],
  ]);
  expect(found['devices of detections'].filter((id: string) => /^[0-9A-F]{32}$/.test(id))).toHaveLength(600);
  expect(found.detection).toBe(found.detections[0]);
  expect(sorted(found.details.map(String))).toEqual(
    sorted(detections.map(({ id, record }) => `${id},${record.DetectionRule.Name}`)),
  );
  const bySeverity = Map.groupBy(detections, ({ record }) => record.Severity);
  expect(found.severities).toEqual(Object.fromEntries([...bySeverity].map(([name, rows]) => [name, rows.length])));

  const queries = await truth('instaquery');
  expect(sorted(found.queries)).toEqual(ids(queries));
  expect(found.query).toEqual(found.queries);
  expect(sorted(found['open queries'])).toEqual(ids(queries.filter(({ record }) => !record.archived)));
  const results = Object.entries(found.results as Record<string, string[]>).flatMap(([query, keys]) =>
    keys.map((key) => `${query}|${key}`),
  );
  expect(sorted(results)).toEqual(ids(await truth('instaquery_result')));

  const devices = await truth('device');
  for (const name of ['devices', 'extended devices', 'bulk devices']) expect(sorted(found[name])).toEqual(ids(devices));
  expect(found['device count']).toBe(devices.length);
  expect(found.device).toBe(found.devices[0]);
  expect(found['devices by mac']).toContain(found.device);
  expect(found.lockdowns).toBe((await truth('device_lockdown')).length);
  expect(found.zone).toBe(found.zones[0]);
  expect(sorted(found['bulk zones'])).toEqual(sorted(found.zones));
  expect(found['zone devices'].length).toBeGreaterThan(0);
  expect(found.zones).toEqual(expect.arrayContaining(found['device zones']));

  const rows = await truth('threat_device');
  const threats = await truth('threat');
  for (const name of ['threats', 'threat'])
    expect(sorted(found[name].map((hash: string) => hash.toLowerCase()))).toEqual(ids(threats));
  expect(found['threat devices']).toBe(rows.length);
  const known = new Set(found.devices);
  const onDevices = found['device threats'].reduce((sum: number, count: number) => sum + count, 0);
  expect(onDevices).toBe(rows.filter(({ record }) => known.has(record.id)).length);

  const rules = await truth('detection_rule');
  for (const name of ['rules', 'bulk rules']) expect(sorted(found[name])).toEqual(ids(rules));
  expect(found.rule).toBe(found.rules[0]);
  expect([found.languages.length, found.counts.length]).toEqual([rules.length, rules.length]);
  expect(linesWith(found['rules csv'], rules)).toEqual([rules.length + 1, rules.length]);
  const sets = await truth('rule_set');
  for (const name of ['rule sets', 'bulk rule sets', 'rule sets csv']) expect(sorted(found[name])).toEqual(ids(sets));
  expect(found['rule set']).toBe(found['rule sets'][0]);
  const inSets = new Set(sets.flatMap(({ record }) => record.rules.map((one: Row['record']) => one.detection_rule_id)));
  expect(found['default rule set']).toBe(inSets.size);
  const exceptions = await truth('exception');
  expect(sorted(found.exceptions)).toEqual(ids(exceptions));
  expect(found.exception).toEqual(found.exceptions);
  expect(linesWith(found['exceptions csv'], exceptions)).toEqual([exceptions.length + 1, exceptions.length]);
  const policies = new Set(devices.flatMap(({ record }) => record.policy?.id ?? []));
  for (const name of ['policies', 'bulk policies']) expect(sorted(found[name])).toEqual(sorted(policies));
  expect(found.policy).toBe(found.policies[0]);
  expect(found['rule sets']).toEqual(expect.arrayContaining(found.mapping));
  expect(found['mapping of a policy']).toBe(found.mapping[0]);

  const views = await truth('focus_view');
  expect(sorted(found.views)).toEqual(ids(views));
  for (const name of ['view', 'view results', 'view search']) expect([name, found[name]]).toEqual([name, found.views]);
  expect(sorted(found.files)).toEqual(ids(await truth('retrieved_file')));
  expect(sorted(found.packages)).toEqual(ids(await truth('package')));
  for (const name of ['execution', 'executions']) expect(found[name]).toEqual(executions);
  expect(found.user).toBe(found.users[0]);
  expect(found['memory event']).toBe(found['memory events'][0]);
  expect(new Set(found.safe)).toEqual(new Set(['GlobalSafe']));
  expect(new Set(found.quarantine)).toEqual(new Set(['GlobalQuarantine']));

  started.child.kill('SIGTERM');
  expect((await started.ended).code).toBe(0);
});

/** How many lines a CSV has, and how many of the ids. The client takes quotes and braces out of a text. */
function linesWith(csv: string, rows: Row[]): [lines: number, found: number] {
  return [csv.trimEnd().split('\r\n').length, rows.filter(({ id }) => csv.includes(id)).length];
}
