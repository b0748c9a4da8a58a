/** How long one request is tried again: the same for all vendors, by what the request says of itself. */
import { retrying } from './retry.ts';
import type { ConnectorServices, VendorRequest } from './types.ts';

/** What is not asked for patiently is given up after so many attempts; a rate limit or a refused token is none. */
const FEW_ATTEMPTS = 8;

export type Patience = <T>(
  request: Pick<VendorRequest, 'retry' | 'signal'>,
  call: (attempt: number) => Promise<T>,
) => Promise<T>;

/** One for each connection: `brief` goes by whether other requests of the same connection succeed meanwhile. */
export function createPatience(services: Pick<ConnectorServices, 'retry' | 'now' | 'log'>): Patience {
  let successes = 0;
  return async (request, call) => {
    const successesBefore = successes;
    let failures = 0; // of this request itself
    const result = await retrying(call, {
      ...services.retry,
      signal: request.signal,
      now: services.now,
      onRetry: (error, attempts, waitMs) => {
        services.log.debug({ attempts, waitMs: Math.round(waitMs) }, `trying again: ${error.message}`);
        if (!error.general) failures++;
        if (failures < FEW_ATTEMPTS || request.retry === undefined || request.retry === 'patient') return true;
        return request.retry === 'brief' && successes === successesBefore;
      },
    });
    successes++;
    return result;
  };
}
