/** What is not read for now, since a person said so. */
import type { Pause } from '../../state/jobs/parts.ts';
import type { StateStore } from '../../state/store.ts';

/** The pause that holds up a pipeline (`source/stream/sink`), if there is one. */
export function pauseOf(pauses: readonly Pause[], pipeline: string, nowMs: number): Pause | undefined {
  const [source, stream] = pipeline.split('/');
  const held = pauses.filter(
    (pause) => pause.source === source && (pause.stream === undefined || pause.stream === stream),
  );
  return held.filter((pause) => !isEnded(pause, nowMs)).sort((one, other) => one.sinceMs - other.sinceMs)[0];
}

/** A pause for a time ends by itself. */
export function isEnded({ untilMs }: Pause, nowMs: number): boolean {
  return untilMs !== undefined && untilMs <= nowMs;
}

/** In words, with what ends it. */
export function pauseText({ source, stream, sinceMs, untilMs, reason }: Pause): string {
  const until = untilMs === undefined ? '' : ` until ${new Date(untilMs).toISOString()}`;
  const why = reason === undefined ? '' : ` (${reason})`;
  const what = stream === undefined ? `--source ${source}` : `--source ${source} --stream ${stream}`;
  return `paused since ${new Date(sinceMs).toISOString()}${until}${why}; \`sluice resume ${what}\` goes on`;
}

/** A source, and some of its streams; all of them where they are left out. */
export interface PausedPart {
  source: string;
  streams: readonly string[] | undefined;
}

/** Reading stops there within seconds, and goes on from where it was. */
export function pauseReading(
  store: Pick<StateStore, 'setPause'>,
  parts: readonly PausedPart[],
  { nowMs, forMs, reason }: { nowMs: number; forMs: number | undefined; reason: string | undefined },
): void {
  const untilMs = forMs === undefined ? undefined : nowMs + forMs;
  for (const { source, streams } of parts)
    for (const stream of streams ?? [undefined]) store.setPause({ source, stream, sinceMs: nowMs, untilMs, reason });
}

/**
 * Ends the pauses of these parts, and says which those were. Where the whole source is paused and only some streams are to
 * go on, the others, which `all` names, stay paused.
 */
export function resumeReading(
  store: Pick<StateStore, 'pauses' | 'setPause' | 'endPause'>,
  parts: readonly PausedPart[],
  all: (source: string) => readonly string[],
): Pause[] {
  const ended: Pause[] = [];
  for (const { source, streams } of parts) {
    const ours = store.pauses().filter((pause) => pause.source === source);
    const whole = ours.find(({ stream }) => stream === undefined);
    if (streams !== undefined && whole !== undefined) {
      for (const stream of all(source)) store.setPause({ ...whole, stream });
      store.endPause(source, undefined);
    }
    for (const pause of store.pauses().filter((one) => one.source === source)) {
      if (streams !== undefined && !(pause.stream !== undefined && streams.includes(pause.stream))) continue;
      store.endPause(source, pause.stream);
      ended.push(pause);
    }
  }
  return ended;
}
