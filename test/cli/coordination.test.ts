/** With `coordination`: what cannot be shared is refused, and commands that look for a state in a folder say where it is. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { launch } from './binary.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

/** No broker listens there. */
const NOBODY = '127.0.0.1:9';
const KAFKA = `  - { name: kafka, type: kafka, brokers: ['${NOBODY}'] }`;

function place(
  sinks: string,
  rest = '',
): { folder: string; sluice(...argv: string[]): ReturnType<typeof launch>['ended'] } {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-coordination-'));
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }));
  const config = `
coordination: { type: kafka, brokers: ['${NOBODY}'], timeout: 1s }
sources:
  - { name: acme, connector: cylance, region: euc1, tenant_id: t, application_id: a, application_secret: a-secret-of-the-tests }
sinks:
${sinks}
${rest}`;
  writeFileSync(join(folder, 'sluice.yaml'), config);
  return { folder, sluice: (...argv) => launch(folder, argv).ended };
}

test('a sink that writes files of one machine is refused, and so is what keeps records there', async () => {
  const { sluice } = place(
    `${KAFKA}\n  - { name: files, type: ndjson }`,
    'raw: { keep: true }\nbatch: { documents: 50000 }',
  );
  const { code, stderr } = await sluice('run');
  expect(code).toBe(2);
  expect(stderr).toContain('sinks[1].type: writes files of one machine, which the next instance cannot take over');
  expect(stderr).toContain('raw.keep: keeps records on one machine');
  expect(stderr).toContain('batch.documents: must be at most 20000 with `coordination`');
});

test('commands that work on a state in a folder say that it is in Kafka, and make none', async () => {
  const { folder, sluice } = place(KAFKA);
  const commands = [
    ['gaps'],
    ['ledger'],
    ['state', 'show'],
    ['status'],
    ['rejections', 'list'],
    ['report'],
    ['jobs', 'list'],
    ['pause', '--source', 'acme', '--for', '1h'],
    ['backfill', '--from', '2026-01-01', '--to', '2026-01-02'],
    ['verify', '--from', '2026-01-01', '--to', '2026-01-02'],
    ['reload'],
  ];
  for (const argv of commands) {
    const { code, stderr } = await sluice(...argv);
    expect([argv[0], code, stderr]).toEqual([
      argv[0],
      2,
      expect.stringContaining('the state is in Kafka (sluice.state)'),
    ]);
    expect(stderr).toContain('`sluice status --url`');
  }
  expect(existsSync(join(folder, 'sluice-state'))).toBe(false);
});

test('run --once is for a single instance', async () => {
  const { code, stderr } = await place(KAFKA).sluice('run', '--once');
  expect([code, stderr]).toEqual([2, expect.stringContaining('--once and --adopt are for a single instance')]);
});
