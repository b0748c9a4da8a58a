/** What systemd does with the service of a unit file, in the little that matters here: start, signals, restarts. */
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

interface End {
  code: number | null;
  signal: NodeJS.Signals | null;
  afterMs: number;
}

export interface Supervised {
  /** The ends of its processes so far. */
  ends: End[];
  /** What all of its processes said. */
  said(): string;
  pid(): number | undefined;
  /** `systemctl kill -s`. */
  kill(signal: NodeJS.Signals): void;
  /** `systemctl reload`: what ExecReload says. */
  reload(): void;
  /** `systemctl stop`: SIGTERM, and SIGKILL after TimeoutStopSec. No restart follows. */
  stop(): Promise<End>;
  /** Resolves when it is given up. */
  over: Promise<void>;
}

export interface Unit {
  [key: string]: string | undefined;
}

/** The last value of each key; systemd adds up a few, none of which matters here. */
export function readUnit(text: string): Unit {
  return Object.fromEntries([...text.matchAll(/^(\w+)=(.*)$/gm)].map(([, key = '', value]) => [key, value]));
}

/** As systemd.service(5) says: a clean end is exit code 0, or one of the four signals that ask for it. */
function isClean({ code, signal }: End): boolean {
  return code === 0 || ['SIGHUP', 'SIGINT', 'SIGTERM', 'SIGPIPE'].includes(signal ?? '');
}

/** `restartMs` in place of RestartSec, so that a test need not wait. */
export function supervise(unit: Unit, argv: readonly string[], cwd: string, restartMs: number): Supervised {
  const ends: End[] = [];
  let said = '';
  let isStopping = false;
  let child: ReturnType<typeof start> | undefined;
  const prevented = (unit.RestartPreventExitStatus ?? '').split(' ').map(Number);
  function start() {
    const startedMs = performance.now();
    const process_ = spawn(argv[0] as string, argv.slice(1), {
      cwd,
      env: { PATH: process.env.PATH, ...Object.fromEntries((unit.Environment ?? '').split(' ').map(pair)) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [process_.stdout, process_.stderr]) stream.on('data', (chunk) => (said += chunk));
    const ended = new Promise<End>((resolve) =>
      process_.once('exit', (code, signal) => resolve({ code, signal, afterMs: performance.now() - startedMs })),
    );
    return { process: process_, ended };
  }
  const over = (async () => {
    for (;;) {
      child = start();
      const end = await child.ended;
      child = undefined;
      ends.push(end);
      const isFailure = !isClean(end) && !prevented.includes(end.code ?? -1);
      if (isStopping || unit.Restart !== 'on-failure' || !isFailure) return;
      await sleep(restartMs);
    }
  })();
  const kill = (signal: NodeJS.Signals) => void child?.process.kill(signal);
  return {
    ends,
    said: () => said,
    pid: () => child?.process.pid,
    kill,
    reload: () =>
      kill(/^\/bin\/kill -(\w+) \$MAINPID$/.exec(unit.ExecReload ?? '')?.[1] === 'HUP' ? 'SIGHUP' : 'SIGKILL'),
    async stop() {
      isStopping = true;
      const last = setTimeout(() => kill('SIGKILL'), Number(unit.TimeoutStopSec) * 1000);
      kill('SIGTERM');
      await over;
      clearTimeout(last);
      return ends.at(-1) as End;
    },
    over,
  };
}

function pair(text: string): [string, string] {
  const at = text.indexOf('=');
  return [text.slice(0, at), text.slice(at + 1)];
}
