/** What the status page can do: pause a source or stream and go on with it, and turn jobs. For who has the token. */
import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, SluiceError } from '../../api/errors.ts';
import type { JobSwitch } from '../../engine/jobs/control.ts';
import type { Switchboard } from '../../engine/jobs/switchboard.ts';
import type { Logger } from '../log.ts';
import { hasToken, isSameOrigin } from './guard.ts';

export interface ActionTools {
  /** Undefined where nobody may act. */
  token: (() => string) | undefined;
  switchboard: Switchboard;
  log: Logger;
}

interface Outcome {
  code: number;
  body: { message: string; advice?: string };
}

const MOST_BYTES = 4096;
/** Guessing takes long. */
const WRONG_TOKEN_MS = 1000;

export async function act(request: IncomingMessage, { token, switchboard, log }: ActionTools): Promise<Outcome> {
  if (token === undefined) return refused(403, 'nobody may act here', 'Set `health.token`, and start Sluice again.');
  if (!isSameOrigin(request.headers)) return refused(403, 'a page of another site asked for this');
  if (!/^application\/json\b/.test(request.headers['content-type'] ?? ''))
    return refused(415, 'the content type is not application/json');
  const body = await bodyOf(request);
  if (!hasToken(request.headers.authorization, token())) {
    log.warn({ 'sluice.remote': request.socket.remoteAddress }, 'the status page was asked to act with a wrong token');
    await sleep(WRONG_TOKEN_MS);
    return refused(401, 'the token is wrong', 'It is what `health.token` of the config says.');
  }
  return body === undefined ? refused(400, 'the body is no action') : done(body, switchboard, log);
}

function done(body: Record<string, unknown>, switchboard: Switchboard, log: Logger): Outcome {
  const { action, source, stream, job } = body;
  try {
    if (isTurn(action) && typeof job === 'number') switchboard.job(job, action);
    else if (isReading(action) && typeof source === 'string' && (stream === undefined || typeof stream === 'string'))
      switchboard[action](source, stream);
    else return refused(400, 'there is no such action', 'There are pause, resume and cancel.');
  } catch (error) {
    const advice = error instanceof SluiceError ? error.advice : undefined;
    return refused(409, messageOf(error), advice);
  }
  const what = { 'sluice.action': action, 'sluice.source': source, 'sluice.stream': stream, 'sluice.job': job };
  log.info(what, 'asked for by the status page');
  return { code: 200, body: { message: `${action} is asked for; it takes a second or two` } };
}

function isTurn(action: unknown): action is JobSwitch {
  return action === 'pause' || action === 'resume' || action === 'cancel';
}

function isReading(action: unknown): action is 'pause' | 'resume' {
  return action === 'pause' || action === 'resume';
}

function refused(code: number, message: string, advice?: string): Outcome {
  return { code, body: { message, advice } };
}

/** Undefined for anything but a small JSON object. */
async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown> | undefined> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk;
    if (text.length > MOST_BYTES) return undefined;
  }
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
