/**
 * `npm run test:torture -- [--seed N] [--runs R] [--minutes M] [--sink memory|files|elasticsearch|kafka] [--workers W]
 * [--into FILE]`: run after run, each with a seed of its own, in processes side by side. `--into` adds each outcome to a file,
 * and leaves out what stands there, so that a long torture goes on where it was. `--write` writes docs/torture.md, of all
 * outcomes in that file.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeCertificates } from '../cli/certificates.ts';
import { scratch } from '../engine/harness.ts';
import { sumOf } from './faults.ts';
import { parts } from './life.ts';
import { isReal, planOf, REAL, SINKS, type TortureSink } from './plan.ts';
import { page } from './report.ts';
import { type Outcome, torture } from './run.ts';
import { type Service, startService } from './services.ts';

interface Task {
  seed: number;
  sink: TortureSink;
}

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    runs: { type: 'string', default: '1000' },
    minutes: { type: 'string', default: '360' },
    sink: { type: 'string' },
    workers: { type: 'string', default: String(availableParallelism() + 1) },
    into: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});

const isWorker = process.send !== undefined;
await (isWorker ? work() : lead());

/** Does what it is told, a run at a time. */
async function work(): Promise<void> {
  const folder = scratch();
  process.once('exit', folder.remove);
  const certificate = makeCertificates(folder.path).good;
  let service: Promise<Service> | undefined;
  process.on('message', async ({ seed, sink }: Task) => {
    if (isReal(sink)) service ??= startService(sink);
    process.send?.(await torture(planOf(seed, sink), certificate, (await service)?.open));
  });
  process.on('uncaughtException', (error) => {
    if (parts.failed(error)) return;
    console.error(error);
    process.exit(1);
  });
  process.on('disconnect', () => {
    void Promise.resolve(service?.then(({ stop }) => stop())).finally(() => process.exit());
  });
}

async function lead(): Promise<void> {
  const known: readonly TortureSink[] = [...SINKS, ...REAL];
  const sinks = values.sink === undefined ? SINKS : known.filter((name) => values.sink === name);
  if (sinks.length === 0) throw new Error(`--sink: ${known.join(', ')}`);
  const first = Number(values.seed);
  const runs = Number(values.runs);
  const startedAt = Date.now();
  const untilMs = startedAt + Number(values.minutes) * 60_000;
  const { into } = values;
  const outcomes: Outcome[] = into === undefined ? [] : outcomesIn(into);
  const before = outcomes.length;
  let begun = 0;
  const next = (): Task | undefined => {
    if (begun >= runs || Date.now() > untilMs) return undefined;
    const task = { seed: first + begun, sink: sinks[begun % sinks.length] as TortureSink };
    begun++;
    return outcomes.some(({ seed, sink }) => seed === task.seed && sink === task.sink) ? next() : task;
  };
  const done = (outcome: Outcome): void => {
    if (into !== undefined) appendFileSync(into, `${JSON.stringify(outcome)}\n`);
    tell(outcome, outcomes);
  };
  const workers = Math.min(runs, sinks.some(isReal) ? 1 : Number(values.workers)); // a service is started in each
  await Promise.all(Array.from({ length: workers }, () => keepBusy(next, done)));
  const minutes = (Date.now() - startedAt) / 60_000;
  const text = page(outcomes.sort((one, other) => one.seed - other.seed));
  if (values.write) writeFileSync(join(import.meta.dirname, '..', '..', 'docs', 'torture.md'), text);
  const failed = outcomes.filter(({ wrong }) => wrong.length > 0).length;
  console.log(
    `${outcomes.length - before} runs in ${minutes.toFixed(1)} min; ${outcomes.length} in all, ${failed} failed`,
  );
  process.exitCode = failed > 0 || outcomes.length === 0 ? 1 : 0;
}

function outcomesIn(file: string): Outcome[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as Outcome);
}

/** A process that does one task after the other; another one when it ends by itself, which is a failed run. */
async function keepBusy(next: () => Task | undefined, done: (outcome: Outcome) => void): Promise<void> {
  let worker: ChildProcess | undefined;
  for (let task = next(); task !== undefined; task = next()) {
    if (worker === undefined || worker.exitCode !== null || worker.signalCode !== null)
      worker = fork(import.meta.filename, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    done(await outcomeOf(worker, task));
  }
  if (worker?.connected) worker.disconnect();
}

function outcomeOf(worker: ChildProcess, task: Task): Promise<Outcome> {
  return new Promise((resolve) => {
    const settle = (outcome: Outcome) => {
      worker.off('message', settle);
      worker.off('exit', ended);
      resolve(outcome);
    };
    const ended = (code: number | null, signal: string | null) =>
      settle({ ...task, ms: 0, revisions: 0, lives: 0, faults: {}, wrong: [`the process ended: ${code ?? signal}`] });
    worker.on('message', settle);
    worker.on('exit', ended);
    worker.send(task);
  });
}

function tell(outcome: Outcome, outcomes: Outcome[]): void {
  outcomes.push(outcome);
  const { seed, sink, ms, revisions, lives, faults, wrong } = outcome;
  const result = wrong.length === 0 ? 'exact' : `WRONG\n  ${wrong.join('\n  ')}`;
  console.log(
    `seed ${seed} ${sink}: ${revisions} revisions, ${sumOf(faults)} faults, ${lives} lives, ${(ms / 1000).toFixed(1)} s: ${result}`,
  );
}
