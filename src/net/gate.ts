/**
 * One gate stands before the requests of each route, and one before all requests of a source. A refusal holds a gate; when
 * the hold is over, one request goes first (the *probe*), and the others follow when it is answered.
 */
import { orAborted } from '../api/abort.ts';
import type { SluiceError } from '../api/errors.ts';

export interface Gate {
  /** No request is sent before this, in lived time. */
  heldUntilMs: number;
  /** False from the beginning of a hold until a probe goes. */
  isOpen: boolean;
  /** The refusal that holds the gate, or held it last. */
  heldBy: SluiceError | undefined;
  /** Refusals in a row. Requests that were under way at the first refusal count as one refusal with it. */
  refusals: number;
  /** The probe: the request that goes first after a hold. */
  probe: Promise<void> | undefined;
  successes: number;
  /** The number of all refusals. */
  refused: number;
  /** Records whose requests were refused. */
  suspects: Map<string, Suspect>;
  /** Records that were forbidden since a request was answered. */
  forbidden: Set<string>;
}

/** A record whose request was refused, perhaps because of the record itself. */
interface Suspect {
  /** The number of refusals since which requests for other records were answered. */
  times: number;
  /** The counts of the gate at the last refusal of the record. */
  successes: number;
  refused: number;
  isAlone: boolean;
}

export function openGate(): Gate {
  const counts = { refusals: 0, successes: 0, refused: 0 };
  return {
    heldUntilMs: 0,
    isOpen: true,
    heldBy: undefined,
    probe: undefined,
    ...counts,
    suspects: new Map(),
    forbidden: new Set(),
  };
}

/** Holds the gate until `untilMs`, unless it is held for longer already. */
export function hold(gate: Gate, error: SluiceError, untilMs: number): void {
  if (untilMs < gate.heldUntilMs) return;
  gate.heldUntilMs = untilMs;
  gate.isOpen = false;
  gate.heldBy = error;
}

/** After so many refusals of one record, with answers to others in between, the record itself is the reason. */
export const REFUSED_ALONE = 4;
const MOST_SUSPECTS = 10_000;

/**
 * Notes that the request for a record was refused. Returns whether the record itself is the reason: since its last refusal
 * others were answered and none was refused, or others were answered between its refusals again and again.
 */
export function isRefusedAlone(gate: Gate, record: string, most: number): boolean {
  const before = gate.suspects.get(record);
  const isAnswered = before !== undefined && gate.successes > before.successes;
  const isOnly = before !== undefined && gate.refused === before.refused;
  const times = (before?.times ?? 0) + (isAnswered ? 1 : 0);
  const isAlone = (isOnly && (isAnswered || before.isAlone)) || times >= most;
  gate.refused++;
  if (gate.suspects.size >= MOST_SUSPECTS) gate.suspects.clear();
  gate.suspects.set(record, { times, successes: gate.successes, refused: gate.refused, isAlone });
  return isAlone;
}

/** A refused record lets others go first: their answers show whether the record itself is the reason. */
const YIELD_MS = 250;
/** A long hold is looked at again and again, so that the reason can be reported. */
const LONGEST_NAP_MS = 60_000;

interface Passing {
  gates: readonly [route: Gate, source: Gate];
  /** Identifies the record, for a request for one record. */
  record: string | undefined;
  signal: AbortSignal;
  now: () => number;
  sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Called before each pause with the gate that is held longest and the remaining time. May throw. */
  onHeld: (gate: Gate, forMs: number) => void;
}

export interface Passage {
  isProbeOf(gate: Gate): boolean;
  /** Must be called when the request has ended: if it is the probe, the others follow. */
  end(): void;
}

/** Waits until the request may go. */
export async function pass({ gates, record, signal, now, sleep, onHeld }: Passing): Promise<Passage> {
  let hasYielded = record === undefined;
  for (;;) {
    signal.throwIfAborted();
    const [route, source] = gates;
    const longest = source.heldUntilMs > route.heldUntilMs ? source : route;
    const forMs = longest.heldUntilMs - now();
    const probe = gates.find((gate) => gate.probe !== undefined)?.probe;
    if (forMs > 0) {
      onHeld(longest, forMs);
      await sleep(Math.min(forMs, LONGEST_NAP_MS), signal);
    } else if (probe !== undefined) await orAborted(probe, signal);
    else if (!hasYielded && gates.some(({ isOpen, suspects }) => !isOpen && suspects.has(record as string))) {
      hasYielded = true;
      await sleep(YIELD_MS, signal);
    } else break;
  }
  const held = gates.filter(({ isOpen }) => !isOpen);
  if (held.length === 0) return { isProbeOf: () => false, end() {} };
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const gate of held) {
    gate.probe = promise;
    gate.isOpen = true;
  }
  return {
    isProbeOf: (gate) => held.includes(gate),
    end() {
      for (const gate of held) if (gate.probe === promise) gate.probe = undefined;
      resolve();
    },
  };
}
