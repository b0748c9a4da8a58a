/** What a person asks for elsewhere than in a terminal. It goes through the state, as what the commands do. */
import { usageError } from '../../api/errors.ts';
import type { StateStore } from '../../state/store.ts';
import type { PipelinePlan } from '../build.ts';
import { type JobSwitch, switchJob } from './control.ts';
import { pauseReading, resumeReading } from './pauses.ts';

/** Each throws for what is not there. */
export interface Switchboard {
  /** Of the whole source, where no stream is named. */
  pause(source: string, stream: string | undefined): void;
  resume(source: string, stream: string | undefined): void;
  job(id: number, to: JobSwitch): void;
}

/** `where` says who asked. */
export function openSwitchboard(
  store: StateStore,
  plans: () => readonly Pick<PipelinePlan, 'source' | 'registered'>[],
  { now, where }: { now: () => number; where: string },
): Switchboard {
  const streamsOf = (source: string) => [
    ...new Set(
      plans()
        .filter((plan) => plan.source.name === source)
        .map(({ registered }) => registered.stream.name),
    ),
  ];
  const partOf = (source: string, stream: string | undefined) => {
    const known: readonly string[] = streamsOf(source);
    if (known.length === 0) throw usageError(`there is no source "${source}" here`);
    if (stream !== undefined && !known.includes(stream)) throw usageError(`${source} has no stream "${stream}" here`);
    return [{ source, streams: stream === undefined ? undefined : [stream] }];
  };
  return {
    pause(source, stream) {
      pauseReading(store, partOf(source, stream), { nowMs: now(), forMs: undefined, reason: where });
    },
    resume(source, stream) {
      resumeReading(store, partOf(source, stream), streamsOf);
    },
    job(id, to) {
      switchJob(store, id, to, to === 'cancel' ? `cancelled: ${where}` : undefined);
    },
  };
}
