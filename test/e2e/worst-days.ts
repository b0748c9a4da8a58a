/** What the tests of the worst days share. */
import { createServer } from 'node:net';

/** Of this machine; whoever asks for it takes it at once. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export interface Health {
  code: number;
  /** `ok`, `degraded` or `failing`. */
  status: string;
  /** What it says of the pipelines. */
  text: string;
}

/** What `/healthz` (or `/readyz`) says. */
export async function healthOf(port: number, path = '/healthz'): Promise<Health> {
  const reply = await fetch(`http://127.0.0.1:${port}${path}`);
  const text = await reply.text();
  return { code: reply.status, status: (JSON.parse(text) as { status: string }).status, text };
}

/** The messages of a log in JSON. */
export function messagesIn(log: string): string[] {
  return log
    .split('\n')
    .flatMap((line) => (line.startsWith('{') ? (JSON.parse(line) as { message: string }).message : []));
}
