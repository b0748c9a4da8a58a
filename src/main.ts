/** argv and environment in, exit code out: the only file that touches the process. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isatty } from 'node:tty';
import { setFlagsFromString } from 'node:v8';
import type { Context } from './commands/shared/context.ts';
import { createMemory, heapBytes, heapMeter, type Memory } from './net/memory.ts';
import { keepOpen } from './observe/outlet.ts';
import { createRedactor } from './redaction/redactor.ts';
import { createClock } from './system/clock.ts';
import { watchNpm } from './system/npm-parent.ts';
import { createParts } from './system/parts.ts';

/** A signal that reaches us twice at once (npm and terminals both send it) counts once. */
const DEBOUNCE_MS = 500;
/** A sink that does not answer is given up after so long: a container is killed soon after. Nothing is lost by it. */
const GRACE_MS = 8000;
/** What is still open after the end of a command is closed by force. */
const LINGER_MS = 3000;

boundMemory();
quietExperiments();
const stop = new AbortController();
const hardStop = new AbortController();
const parts = createParts();
const redactor = createRedactor();
const clock = createClock();
const talk = keepOpen(process.stderr);
/** Something failed that nobody expected: no command can make that a success. */
let isBroken = false;
/** Called at SIGHUP. */
const reloading = new Set<() => void>();
listenForSignals();
stopWithParent();
surviveFailures();
endWithReader();

// Loaded only now: an import at the top would warn about SQLite before anybody listens.
const { runCli } = await import('./cli.ts');
const { streams } = await import('../connectors/index.ts');

const context: Context = {
  argv: process.argv.slice(2),
  env: process.env,
  stdout: process.stdout,
  stderr: talk.stream,
  lost: talk.lost,
  isTty: process.stderr.isTTY ?? false,
  columns: process.stderr.columns ?? 80,
  rows: process.stderr.rows ?? 24,
  signal: stop.signal,
  hardStop: hardStop.signal,
  onReload(listener) {
    reloading.add(listener);
    return () => reloading.delete(listener);
  },
  parts,
  memory: memoryOf(process.constrainedMemory()),
  redactor,
  clock,
  now: clock.now,
  streams,
  simulator: () => import('../simulator/index.ts'),
  content: () => import('../content/index.ts'),
  self: [process.execPath, ...process.execArgv, import.meta.filename],
  version: version(),
  nodeVersion: process.versions.node,
  ...(process.stdin.isTTY && process.stderr.isTTY ? { confirm, ask } : {}),
  setExitCode: (code) => {
    process.exitCode = isBroken ? 1 : code;
  },
};
await runCli(context);
setTimeout(() => process.exit(), LINGER_MS).unref();

/** Only a `y` or `yes` is one. A stop signal, and the end of the input, are a no. */
async function confirm(question: string): Promise<boolean> {
  return /^y(es)?$/i.test((await ask(`${question} [y/N]`)) ?? '');
}

/** What the person answers; undefined after a stop signal, or the end of the input. */
async function ask(question: string): Promise<string | undefined> {
  const { createInterface } = await import('node:readline/promises');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  terminal.once('SIGINT', () => stop.abort());
  try {
    const ended = new Promise<undefined>((resolve) => terminal.once('close', () => resolve(undefined)));
    const asked = terminal.question(`${redactor.show(question)} `, { signal: stop.signal }).catch(() => undefined);
    return (await Promise.race([asked, ended]))?.trim();
  } finally {
    terminal.close();
  }
}

/** V8 lets the heap grow to several times of what is in use before it cleans up. Measured: 350 MB become 200 MB at no cost. */
function boundMemory(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--heap-growing-percent=80');
}

/** What V8 was given (`--max-old-space-size`), or what the container allows where that is less. */
function memoryOf(allowed: number): Memory {
  const heap = heapBytes();
  return allowed > 0 && allowed < heap ? createMemory(allowed) : createMemory(heap, heapMeter());
}

/** Node's note that SQLite is experimental helps nobody who runs Sluice. */
function quietExperiments(): void {
  process.removeAllListeners('warning');
  process.on('warning', (warning) => {
    if (warning.name !== 'ExperimentalWarning')
      process.stderr.write(`${redactor.show(`${warning.name}: ${warning.message}`)}\n`);
  });
}

function listenForSignals(): void {
  let firstAt: number | undefined;
  const onSignal = () => {
    if (firstAt === undefined) {
      firstAt = performance.now();
      stop.abort();
      setTimeout(() => hardStop.abort(), GRACE_MS).unref();
    } else if (performance.now() - firstAt > DEBOUNCE_MS) {
      hardStop.abort();
      setTimeout(() => process.exit(1), 1000).unref();
    }
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  // Asked now: a terminal that hung up is none any more.
  const hasTerminal = [0, 1, 2].some((descriptor) => isatty(descriptor));
  process.on('SIGHUP', hasTerminal ? onSignal : reload);
}

/** Services get it to have their configuration read again; without a handler it would end us. */
function reload(): void {
  if (reloading.size === 0) process.stderr.write('SIGHUP: this command does not read its config again\n');
  for (const listener of reloading) listener();
}

/** The demo's simulator ends with the demo, however that ends: then its stdin is closed. Under npm we end with npm. */
function stopWithParent(): void {
  const npm = watchNpm({ env: process.env, ppid: () => process.ppid, gone: () => stop.abort() });
  stop.signal.addEventListener('abort', () => clearInterval(npm));
  if (process.env.SLUICE_STOP_WITH_STDIN !== '1') return;
  process.stdin.once('end', () => stop.abort()).resume();
  stop.signal.addEventListener('abort', () => process.stdin.destroy());
}

/** What nobody caught is the failure of the part whose callback threw it; else the batch at hand is delivered, and that is all. */
function surviveFailures(): void {
  const onFailure = (error: unknown): void => {
    if (parts.failed(error)) return;
    const isFirst = !isBroken;
    isBroken = true;
    process.exitCode = 1;
    if (!isFirst) return;
    process.stderr.write(
      `error: ${redactor.show(inOneLine(error))}; Sluice ends, and goes on from its last checkpoint when it is started again\n`,
    );
    stop.abort();
    setTimeout(() => hardStop.abort(), GRACE_MS).unref();
    setTimeout(() => process.exit(1), GRACE_MS + LINGER_MS).unref();
  };
  process.on('uncaughtException', onFailure);
  process.on('unhandledRejection', onFailure);
}

/** What happened, and where in the code. */
function inOneLine(error: unknown): string {
  const [message = '', ...frames] = (error instanceof Error ? (error.stack ?? error.message) : String(error)).split(
    '\n',
  );
  const at = frames.find((frame) => frame.trimStart().startsWith('at '));
  return `an unexpected failure: ${message}${at === undefined ? '' : ` (${at.trim()})`}`;
}

/** `sluice … | head` ends without a stack trace; what cannot be written for another reason is told. */
function endWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    stop.abort();
    process.exitCode ??= 1;
    if (error.code === 'EPIPE') return;
    if (!isBroken) process.stderr.write(`error: the output cannot be written: ${error.message}\n`);
    isBroken = true;
  });
}

/** From the package file, which lies one folder up from the source and two from what is built. */
function version(): string {
  for (const up of ['..', join('..', '..')]) {
    try {
      const found = JSON.parse(readFileSync(join(import.meta.dirname, up, 'package.json'), 'utf8')) as Record<
        string,
        string
      >;
      if (found.name === 'sluice' && found.version !== undefined) return found.version;
    } catch {
      // looked in the wrong folder
    }
  }
  return 'unknown';
}
