/** Reads the body of a reply, at once or chunk by chunk: unpacked, and bounded in size and time. */
import type { IncomingMessage } from 'node:http';
import type { HttpRequest } from '../../api/http.ts';
import { asFarAsItGoes, unpacked, wholeBody } from '../body.ts';
import { collect, gunzipAtOnce, joined, SMALL_PACKED_BYTES } from './collect.ts';
import type { Exchange } from './exchange.ts';
import { asTrouble, type ReplyBounds, tooLarge } from './trouble.ts';

export function isSuccess(status = 0): boolean {
  return status >= 200 && status < 300;
}

/** The whole body; of a refusal as much as can be read. */
export async function wholeOf(begun: Exchange, request: HttpRequest, bounds: ReplyBounds): Promise<Buffer> {
  const { message, headers, watch } = begun;
  const { room, signal } = request;
  const grow = room && ((bytes: number) => room.need(bytes, signal));
  const isRefusal = !isSuccess(message.statusCode);
  const most = isRefusal ? Number.POSITIVE_INFINITY : bounds.maxBodyBytes; // `asFarAsItGoes` bounds the body of a refusal
  const coding = headers.get('content-encoding')?.trim().toLowerCase() ?? '';
  const read: Buffer[] = [];
  const taken = (bytes: number) =>
    collect(message, read, bytes, watch, coding === '' ? grow : undefined).catch((error: unknown) => {
      throw asTrouble(error, request, bounds);
    });
  if (!isRefusal && coding === '') {
    if (await taken(most)) return joined(read);
    throw tooLarge(request, bounds);
  }
  const isSmall = !isRefusal && coding === 'gzip' && (await taken(SMALL_PACKED_BYTES));
  const whole = isSmall ? gunzipAtOnce(joined(read), most) : undefined;
  if (whole !== undefined) {
    await grow?.(whole.length);
    return whole;
  }
  const chunks = inTime(begun, request, bounds, bodyOf(message, read));
  return wholeBody(chunks, most, () => tooLarge(request, bounds), grow);
}

/** The unpacked body; of a refusal as much as can be read. `read`: chunks of it that were taken already. */
export function bodyOf(message: IncomingMessage, read: readonly Buffer[] = []): AsyncIterable<Buffer> {
  const packed = read.length === 0 ? message : behind(read, message);
  const whole = unpacked(packed, message.headers['content-encoding'] ?? null);
  return isSuccess(message.statusCode) ? whole : asFarAsItGoes(whole);
}

async function* behind(read: readonly Buffer[], message: IncomingMessage): AsyncGenerator<Buffer> {
  yield* read;
  if (!message.readableEnded) yield* message;
}

/**
 * The timeout only runs while the vendor is waited for, and begins anew behind each `portion` of so many bytes. The exchange
 * is closed at the end, whatever ends it.
 */
export async function* inTime(
  { watch, close }: Exchange,
  request: HttpRequest,
  bounds: ReplyBounds,
  body: AsyncIterable<Buffer>,
  portion = Number.POSITIVE_INFINITY,
): AsyncGenerator<Buffer> {
  const source = body[Symbol.asyncIterator]();
  const next = () =>
    source.next().catch((error: unknown) => {
      throw asTrouble(error, request, bounds);
    });
  let bytes = 0;
  try {
    for (;;) {
      watch.run();
      const { done, value } = await next();
      watch.halt();
      if (done) return;
      bytes += value.length;
      if (bytes >= portion) {
        bytes = 0;
        watch.renew();
      }
      yield value;
    }
  } finally {
    close();
    void source.return?.().catch(() => {}); // what unpacks is ended, too
  }
}
