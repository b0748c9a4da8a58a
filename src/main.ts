/** argv and environment in, exit code out: the only file that touches the process. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import type { Context } from './commands/shared/context.ts';

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
listenForSignals();
stopWithParent();
closeQuietlyOnBrokenPipe();

// Loaded only now: an import at the top would warn about SQLite before anybody listens.
const { runCli } = await import('./cli.ts');
const { streams } = await import('../connectors/index.ts');

const context: Context = {
  argv: process.argv.slice(2),
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  isTty: process.stderr.isTTY ?? false,
  columns: process.stderr.columns ?? 80,
  signal: stop.signal,
  hardStop: hardStop.signal,
  now: Date.now,
  streams,
  simulator: () => import('../simulator/index.ts'),
  self: [process.execPath, ...process.execArgv, import.meta.filename],
  version: version(),
  setExitCode: (code) => {
    process.exitCode = code;
  },
};
await runCli(context);
setTimeout(() => process.exit(), LINGER_MS).unref();

/** V8 lets the heap grow to several times of what is in use before it cleans up. Measured: 350 MB become 200 MB at no cost. */
function boundMemory(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--heap-growing-percent=80');
}

/** Node's note that SQLite is experimental helps nobody who runs Sluice. */
function quietExperiments(): void {
  process.removeAllListeners('warning');
  process.on('warning', (warning) => {
    if (warning.name !== 'ExperimentalWarning') process.stderr.write(`${warning.name}: ${warning.message}\n`);
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
}

/** The demo's simulator ends with the demo, however that ends: then its stdin is closed. */
function stopWithParent(): void {
  if (process.env.SLUICE_STOP_WITH_STDIN !== '1') return;
  process.stdin.once('end', () => stop.abort()).resume();
  stop.signal.addEventListener('abort', () => process.stdin.destroy());
}

/** `sluice … | head` ends without a stack trace. */
function closeQuietlyOnBrokenPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      stop.abort();
      process.exitCode ??= 1;
    });
  }
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
