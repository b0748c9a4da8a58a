/** Whether `run` could listen where `health` says. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Config } from '../../engine/settings.ts';
import type { CheckRow } from './row.ts';

/** `isRunning`: a Sluice has the state, so that the port is most likely its own. */
export async function healthRows({ port, host }: Config['health'], isRunning: boolean): Promise<CheckRow[]> {
  if (port === 0) return [];
  const row = { part: 'health', what: `port ${port}` };
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, 'listening');
    return [{ ...row, ok: true, detail: `free on ${host}` }];
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE' && isRunning)
      return [{ ...row, ok: true, detail: `in use on ${host}, as by a running Sluice` }];
    return [{ ...row, ok: false, detail: `cannot be listened to on ${host} (${code})`, advice: ADVICE[code] ?? ELSE }];
  } finally {
    server.close();
  }
}

const ELSE = 'Choose another health.port or health.host.';
const ADVICE: Readonly<Record<string, string>> = {
  EADDRINUSE: 'Another program has it: end that, or choose another health.port.',
  EACCES: 'Ports below 1024 belong to root: choose another health.port.',
  EADDRNOTAVAIL: 'health.host is no address of this machine: 127.0.0.1 for this machine only, 0.0.0.0 for all.',
  ENOTFOUND: 'health.host has no address: 127.0.0.1 for this machine only, 0.0.0.0 for all.',
};
