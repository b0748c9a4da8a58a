/** What a failed connection means, for every sink that speaks over the network. */
import { NOTHING_LOST, stopError } from '../api/errors.ts';
import type { TlsTrouble } from '../net/tls.ts';
import { HANDLES_ADVICE, isOutOfHandles } from '../system/handles.ts';
import type { Refusal, Waiting } from './backoff.ts';

interface Unreachable {
  /** `Elasticsearch at https://es:9200` */
  who: string;
  /** What the connection failed with. */
  said: string;
  /** The trouble with TLS that it says, if any. */
  tls: TlsTrouble | undefined;
  /** For a person, where neither TLS nor open files are the reason. */
  advice: string;
}

export function unreachable({ who, said, tls, advice }: Unreachable): Waiting | Refusal {
  if (tls?.lasts) {
    const message = `${who} cannot be trusted: ${tls.what} (${said})`;
    return { refusal: stopError(message, tls.advice) };
  }
  const first = tls?.advice ?? (isOutOfHandles(said) ? HANDLES_ADVICE : advice);
  const why = tls === undefined ? said : `${tls.what} (${said})`;
  return { why: `cannot be reached: ${why}`, advice: `${first} ${NOTHING_LOST}` };
}
