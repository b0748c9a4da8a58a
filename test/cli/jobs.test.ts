/** Jobs and readings are paused, resumed and cancelled through the state, while `run` runs and while nothing does. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import type { JobView } from '../../src/engine/jobs/views.ts';
import { until, type Workplace, workplace } from './binary.ts';

let place: Workplace;
afterEach(() => place.close());

interface Listed {
  jobs: (Omit<JobView, 'work' | 'pipelines'> & { pipelines: JobView['work'] })[];
}

async function jobs(...more: string[]): Promise<Listed['jobs']> {
  const listed = await place.sluice('jobs', 'list', '--json', ...more);
  if (/there is no state in/.test(listed.stderr)) return [];
  expect(listed.code, listed.stderr).toBe(0);
  return (JSON.parse(listed.stdout) as Listed).jobs;
}

/** Asks until it is as wanted: the test's own timeout ends it. */
async function untilJob(wanted: (job: Listed['jobs'][number]) => boolean, ...more: string[]) {
  for (;;) {
    const job = (await jobs(...more)).find(wanted);
    if (job !== undefined) return job;
    await sleep(200);
  }
}

async function ok(...argv: string[]) {
  const ended = await place.sluice(...argv);
  expect(ended.code, ended.stderr).toBe(0);
  return ended;
}

/** No live edge in the way: what is read of this time is the backfill's. */
const QUIET = 'log: { format: json, level: info }\n';

test('a job that run works on is paused, resumed and cancelled by its number; the next one waits behind it', async () => {
  place = await workplace({ detections: 3000, spanDays: 90 });
  place.configure({ rate: 100, extra: QUIET });
  const running = place.start('run');
  await until(() => /1 pipeline/.test(running.said()));
  const { start, end } = place.simulator.range;
  expect((await ok('backfill', '--from', start, '--detach')).stdout).toBe('job 1\n');
  const moved = await untilJob(({ id, finished }) => id === 1 && finished > 20);
  expect(moved).toMatchObject({ status: 'running', records: 3000 });
  expect(moved.part).toBeGreaterThan(0);
  expect(moved.leftMs).toBeGreaterThan(5000);

  await ok('backfill', '--from', start, '--to', end, '--as', 'event', '--detach');
  expect(await untilJob(({ id }) => id === 2)).toMatchObject({ behind: 'job 1', finished: 0 });
  await ok('jobs', 'cancel', '2');

  await ok('jobs', 'pause', '1');
  // The page at hand is read to its end.
  const stands = async (before: number): Promise<number> => {
    await sleep(5000);
    const { finished } = await untilJob(({ id }) => id === 1);
    return finished === before ? finished : stands(finished);
  };
  const finished = await stands(0);
  const still = await untilJob(({ id }) => id === 1);
  expect(still).toMatchObject({ status: 'paused', finished, behind: expect.stringContaining('jobs resume 1') });

  await ok('jobs', 'resume', '1');
  await untilJob((job) => job.id === 1 && job.finished > finished);
  const cancelled = await ok('jobs', 'cancel', '1');
  expect(cancelled.stdout).toBe('job 1: cancelled\n');
  const over = await untilJob(({ id, pipelines }) => id === 1 && pipelines[0]?.walk === 'cancelled', '--all');
  expect(over.status).toBe('cancelled');
  // What was delivered stays, and the gaps have the rest.
  expect(new Set(place.delivered()).size).toBeGreaterThanOrEqual(over.documents);
  const gaps = await place.sluice('gaps', '--json');
  expect(gaps.code).toBe(1);
  expect(gaps.stdout).toMatch(/"kind":"never"/);
  const again = await place.sluice('jobs', 'cancel', '1');
  expect(again.code).toBe(0);
  const resumed = await place.sluice('jobs', 'resume', '1');
  expect(resumed).toMatchObject({ code: 2, stderr: expect.stringContaining('job 1 is cancelled already') });
  running.child.kill('SIGTERM');
  expect((await running.ended).code).toBe(0);
}, 300_000);

test('where nothing runs, a job is paused and cancelled in the state, and the command that waits for it ends', async () => {
  place = await workplace({ detections: 2000, spanDays: 90 });
  place.configure({ rate: 100, extra: QUIET });
  const { start } = place.simulator.range;
  const own = place.start('backfill', '--from', start);
  await untilJob(({ finished }) => finished > 20);
  await ok('jobs', 'pause', '1');
  const ended = await own.ended;
  expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining('backfill 1 was paused before') });
  expect(await jobs()).toMatchObject([{ id: 1, status: 'paused', pipelines: [{ walk: 'begun' }] }]);
  const cancelled = await ok('jobs', 'cancel', '1');
  expect(cancelled.stderr).toMatch(/`sluice gaps` has what it did not read/);
  expect(await jobs()).toEqual([]);
  expect(await jobs('--all')).toMatchObject([{ status: 'cancelled', pipelines: [{ walk: 'cancelled' }] }]);
  expect((await ok('state', 'show')).stdout).toMatch(/backfill-1 .*cancelled 20/);
  const wrong = await place.sluice('jobs', 'pause', '7');
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('there is no job 7') });
  // Begun anew, it is another job, which delivers the rest and nothing twice.
  place.configure({ extra: QUIET });
  await ok('backfill', '--from', start);
  expect(new Set(place.delivered()).size).toBe(2000);
  expect(place.delivered()).toHaveLength(2000);
}, 300_000);

test('a source that is paused is not read, says so, and is caught up afterwards', async () => {
  place = await workplace({ detections: 300, spanDays: 1 });
  place.configure({ extra: `${QUIET}health: { port: 0 }\n` });
  const paused = await ok('pause', '--source', 'acme', '--reason', 'a flood of a test', '--for', '2h');
  expect(paused.stdout).toMatch(/^acme: paused since .* until .* \(a flood of a test\); `sluice resume --source acme`/);
  const running = place.start('run');
  await until(() => running.said().includes('reading is paused'));
  await sleep(2000);
  expect((await ok('state', 'show')).stdout).toContain('acme: paused since');
  const { start } = place.simulator.range;
  await ok('backfill', '--from', start, '--detach');
  const waits = await untilJob(({ behind }) => behind !== undefined);
  expect(waits.behind).toMatch(/^the pause of acme: paused since/);
  expect(waits.finished).toBe(0);
  // One stream of it goes on: the others stay paused. Here there is one only.
  const stream = await ok('resume', '--stream', 'cylance.detection', '--json');
  expect(JSON.parse(stream.stdout)).toMatchObject({ resumed: [{ source: 'acme', stream: 'cylance.detection' }] });
  await until(() => running.said().includes('reading goes on'));
  await untilJob(({ status }) => status === 'done', '--all');
  expect(new Set(place.delivered()).size).toBe(300);

  // Walks that are under way end, too, and a pause for a time ends by itself.
  await ok('pause', '--for', '3s');
  await until(() => running.said().split('reading is paused').length > 2);
  await until(() => running.said().split('reading goes on').length > 2);
  expect(await place.sluice('resume')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('nothing of it is paused'),
  });
  running.child.kill('SIGTERM');
  expect((await running.ended).code).toBe(0);
}, 300_000);
