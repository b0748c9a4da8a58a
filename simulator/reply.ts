import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Due } from './fault-engine.ts';

export interface Sending {
  request: IncomingMessage;
  response: ServerResponse;
  /** The vendor's clock, for the Date header. */
  now: number;
  gzip: boolean;
  /** Left out where replies are not to be told apart. */
  validate?: (sending: Sending, reply: Reply) => Validating;
}

/** Whether a reply is the one that was asked for before, as HTTP servers tell it. */
export interface Validating {
  headers: Record<string, string>;
  isUnchanged: boolean;
}

/** A reply before it is sent, perhaps with a fault (`send.ts`). */
export interface Reply {
  status: number;
  body: string;
  type: string;
  headers?: Record<string, string>;
  /** Called once the whole reply has been sent without a fault. */
  sent?: () => void;
  /** Lines in place of the body: made while they are sent, and never with a fault. */
  lines?: Iterable<string>;
  /** A function in place of the body: it sends the reply, with the fault that is due. */
  write?: (sending: Sending, due: Due | undefined) => Promise<void>;
}

const JSON_TYPE = 'application/json; charset=utf-8';

export function jsonReply(body: string, sent?: () => void): Reply {
  return { status: 200, body, type: JSON_TYPE, sent };
}

const REASONS: Record<number, string> = {
  400: 'BAD_REQUEST',
  401: 'UNAUTHORIZED',
  403: 'ACCESS_DENIED',
  404: 'NOT_FOUND',
  405: 'METHOD_NOT_ALLOWED',
  429: 'TOO_MANY_REQUESTS',
  500: 'INTERNAL_SERVER_ERROR',
  502: 'BAD_GATEWAY',
  503: 'SERVICE_UNAVAILABLE',
  504: 'GATEWAY_TIMEOUT',
};

export function errorReply(status: number, message: string, headers?: Record<string, string>): Reply {
  const body = JSON.stringify({ status: REASONS[status] ?? 'ERROR', message });
  return { status, body, type: JSON_TYPE, headers };
}
