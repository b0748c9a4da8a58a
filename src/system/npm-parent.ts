/**
 * npm (`npm run`, `npx`) starts Sluice through a shell. When npm is ended by a signal it dies alone: Sluice would go on as
 * an orphan that holds the state, although the sender of the signal believes that Sluice has stopped.
 */
import { readFileSync } from 'node:fs';

const LOOK_MS = 500;

interface NpmWatch {
  env: Readonly<Record<string, string | undefined>>;
  /** The present parent of this process. */
  ppid(): number;
  gone(): void;
  /** Looks up processes; replaced in tests. */
  processes?: Processes;
}

interface Processes {
  /** Undefined when the parent cannot be read, or the process has ended. */
  parentOf(pid: number): number | undefined;
  commandOf(pid: number): string | undefined;
}

/**
 * Calls `gone` once when the npm that started this process has ended, or the shell between them, which dies with npm.
 * Returns undefined when this process has no npm above it (a process that an npm script put into the background has lost its
 * shell by now, and goes on), and on a system without `/proc`.
 */
export function watchNpm({ env, ppid, gone, processes = ofThisMachine }: NpmWatch): NodeJS.Timeout | undefined {
  if (env.npm_execpath === undefined) return undefined;
  const parent = ppid();
  const shell = isNpm(parent, processes) ? undefined : parent;
  const npm = shell === undefined ? parent : processes.parentOf(shell);
  if (npm === undefined || !isNpm(npm, processes)) return undefined;
  const timer = setInterval(() => {
    if (ppid() === parent && (shell === undefined || processes.parentOf(shell) === npm)) return;
    clearInterval(timer);
    gone();
  }, LOOK_MS);
  timer.unref();
  return timer;
}

/** npm names its process after its command: `npm run demo`, `npm exec sluice run`. */
function isNpm(pid: number, { commandOf }: Processes): boolean {
  return /^(?:\S*\/)?(?:npm|npx)\b|\/(?:npm|npx)(?:-cli\.js)?(?:\s|$)/.test(commandOf(pid) ?? '');
}

const ofThisMachine: Processes = {
  parentOf(pid) {
    // The name in brackets may hold any characters, brackets too.
    const [, fields] = /\) (.*)$/s.exec(read(`/proc/${pid}/stat`) ?? '') ?? [];
    const parent = Number(fields?.split(' ')[1]);
    return Number.isInteger(parent) ? parent : undefined;
  },
  commandOf: (pid) => read(`/proc/${pid}/cmdline`)?.replaceAll('\0', ' ').trim(),
};

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
