/** The wait of a pipeline before its first walk, until its hosts are known (`host-gate.ts`). */
import { setTimeout as sleep } from 'node:timers/promises';
import { HOST_NOTE } from '../../api/records/host-facts.ts';
import type { Pipeline } from '../pipeline.ts';

type WaitNeeds = Pick<Pipeline, 'registered' | 'enrichHosts' | 'hostGate' | 'state' | 'events' | 'log'>;

/** A pipeline that says so at least this often is not considered stuck. */
const SAY_AGAIN_MS = 10_000;

/** To be called before the first walk. Resolves at once, but for the first run; and when the signal aborts. */
export async function whenHostsAreKnown(pipeline: WaitNeeds, signal: AbortSignal): Promise<void> {
  const { registered, enrichHosts, hostGate, state, events, log } = pipeline;
  if (!enrichHosts || registered.stream.describesHosts || !registered.fields.ecs.includes('host.id')) return;
  const says = 'documents that name a host wait for the inventory, a minute at most: this is the first run';
  if (
    hostGate.isOpen(
      () => state.noted(HOST_NOTE).length > 0,
      () => log.info(says),
    )
  )
    return;
  const ends = AbortSignal.any([signal, hostGate.opens]);
  while (!ends.aborted) {
    events.waiting('the inventory of hosts is read first');
    await sleep(SAY_AGAIN_MS, undefined, { signal: ends }).catch(() => {});
  }
}
