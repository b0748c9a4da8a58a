/** What a request meets that gets no usable reply, as errors that say where, what and what to do. */
import { isAbort, messageOf, SluiceError } from '../../api/errors.ts';
import type { HttpRequest } from '../../api/http.ts';
import { HANDLES_ADVICE, isOutOfHandles } from '../../system/handles.ts';
import { portHint, type TlsSettings, tlsTrouble } from '../tls.ts';

export interface ReplyBounds {
  /** From the first byte sent to the last byte received; of a reply that is read part by part: for each MiB of it. */
  timeoutMs: number;
  /** A longer body (after decompression) is refused; of a reply that is read part by part: a longer item. */
  maxBodyBytes: number;
}

const MIB = 1024 * 1024;

export const TLS: TlsSettings = {
  ca: 'http.ca_file of the source',
  address: 'region or base_url of the source',
  on: 'write https:// in base_url of the source',
  off: 'write http:// in base_url of the source',
};

/** What became of the connection, or the reason of the request's own signal. */
export function asTrouble(error: unknown, request: HttpRequest, settings: ReplyBounds): unknown {
  if (request.signal.aborted) return request.signal.reason;
  return error instanceof SluiceError ? error : networkError(error, request, settings);
}

function networkError(error: unknown, request: HttpRequest, settings: ReplyBounds): SluiceError {
  const where = placeOf(request);
  const { code = '' } = error as { code?: string };
  const said = `${code} ${messageOf(error)}`;
  const isTls = request.url.startsWith('https:');
  const trouble = isTls ? tlsTrouble(said, TLS) : undefined;
  if (trouble !== undefined) {
    const { what, advice, lasts } = trouble;
    const as = lasts
      ? ({ action: 'stop', isLockedOut: true, general: 'source' } as const)
      : { action: 'retry' as const };
    return new SluiceError(`${where}: ${what} (${code})`, { ...as, advice, cause: error });
  }
  if (isOutOfHandles(said)) {
    const message = `${where}: no more files may be open (${code})`;
    return new SluiceError(message, { action: 'retry', general: 'source', advice: HANDLES_ADVICE, cause: error });
  }
  const why = isAbort(error) ? `no complete reply within ${settings.timeoutMs} ms` : code || messageOf(error);
  const hint = portHint(said, isTls, TLS);
  const advice = `Check the network, the proxy (HTTPS_PROXY) and the address of the source.${hint ? ` ${hint}` : ''}`;
  return new SluiceError(`${where}: ${why}`, { action: 'retry', advice, cause: error });
}

export function tooLarge(request: HttpRequest, { maxBodyBytes }: ReplyBounds): SluiceError {
  return new SluiceError(`${placeOf(request)}: the reply is larger than ${maxBodyBytes} bytes`, {
    action: 'reject',
    isTooLarge: true,
    advice: 'Lower reading.page_size, or raise http.max_body of the source (docs/config.md says what that costs).',
  });
}

export function takesTooMuch(request: HttpRequest, bytes: number, needed: number): SluiceError {
  const size = (of: number) => `${Math.ceil(of / MIB)} MiB`;
  const message = `${placeOf(request)}: the reply of ${size(bytes)} may take ${size(needed)} of memory, which this process does not have`;
  return new SluiceError(message, {
    action: 'reject',
    isTooLarge: true,
    advice: 'Give Sluice more memory (--max-old-space-size, or the limit of its container).',
  });
}

/** The name of a request in errors: without its query, which may be long. */
export function placeOf(request: { method: string; url: string }): string {
  return `${request.method} ${request.url.split('?', 1)[0]}`;
}
