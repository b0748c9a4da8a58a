/** Runs a program on a terminal of its own (Python 3 has them), and keeps every byte that reaches it. */
import { spawn } from 'node:child_process';

/** As bytes leave the program: the terminal itself makes no `\r\n` of `\n`. */
const SCRIPT = `
import os, pty, signal, sys, termios
pid, terminal = pty.fork()
if pid == 0:
    settings = termios.tcgetattr(1)
    settings[1] &= ~termios.OPOST
    termios.tcsetattr(1, termios.TCSANOW, settings)
    os.execvp(sys.argv[1], sys.argv[1:])
signal.signal(signal.SIGTERM, lambda *_: os.kill(pid, signal.SIGINT))
while True:
    try:
        data = os.read(terminal, 65536)
    except OSError:
        break
    if not data:
        break
    os.write(1, data)
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status))
`;

export interface Recording {
  code: number | null;
  text: string;
}

export function record(
  argv: readonly string[],
  options: { cwd: string; env: Record<string, string | undefined> },
  stopAfterMs = 60_000,
): Promise<Recording> {
  const child = spawn('python3', ['-c', SCRIPT, process.execPath, ...argv], {
    ...options,
    env: { ...options.env, TERM: 'xterm-256color' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const timer = setTimeout(() => child.kill('SIGTERM'), stopAfterMs); // as Ctrl-C
  const chunks: Buffer[] = [];
  let failed = '';
  child.stdout.on('data', (chunk: Buffer) => void chunks.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => {
    failed += chunk;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      const text = Buffer.concat(chunks).toString('utf8');
      if (failed === '') resolve({ code, text });
      else reject(new Error(`the terminal failed: ${failed}`));
    });
  });
}

const ESC = String.fromCharCode(27);
const OURS = new RegExp(`${ESC}\\[(?:3\\d|39|41|49|90)m`, 'g');
/** What only the progress bar writes. */
const MOVES = new RegExp(`${ESC}\\[(?:\\?(?:7|25)[hl]|\\d*[ABCDG]|0J|\\dK)`, 'g');
/** Controls of both sets but the line feed, what turns directions, what has no width, separators, tags, halves. */
const RAW =
  /[^\P{Cc}\n]|[\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0001}-\u{e007f}]|\p{Cs}/gu;

/** What of a recording a terminal would obey, other than colours of the log, with what stands around it. */
export function obeyed(text: string, hasBar = false): string[] {
  const rest = (hasBar ? text.replace(MOVES, '') : text).replace(OURS, '');
  return [...rest.matchAll(RAW)].map(({ 0: raw, index }) =>
    JSON.stringify(`${raw.codePointAt(0)?.toString(16)} in ${rest.slice(Math.max(0, index - 40), index + 20)}`),
  );
}
