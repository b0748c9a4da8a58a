/** Bounds on rejected documents: a full store blocks its pipeline, since nothing is dropped, and too many in a row stop it. */
import { NOTHING_LOST, SluiceError, stopError } from '../api/errors.ts';
import type { PipelineState, StoredRejection } from '../state/store.ts';
import type { RejectionSettings } from './settings.ts';

/** Why a pipeline takes no further documents until a person has decided about those that were rejected. */
export interface Blocked {
  message: string;
  advice: string | undefined;
}

export interface RejectionLimits {
  /** To be called before a batch is written. Throws `retry` while the store is full, and `stop` once too many were rejected. */
  require(): void;
  /** To be called when a batch with so many documents is committed. */
  took(documents: number, rejections: readonly StoredRejection[]): void;
}

/** A share is told of at least so many documents: the first ones prove little. */
const JUDGED = 1000;
/** A full store is looked at again after this pause. */
const WAIT_MS = 30_000;
const MIB = 2 ** 20;

export function createRejectionLimits(
  { maxDocuments, maxBytes, stopAbove }: RejectionSettings,
  state: Pick<PipelineState, 'rejectedSize'>,
  blocked: (why: Blocked | undefined) => void,
): RejectionLimits {
  /** Counted along, and measured anew when it seems full: commands make room meanwhile. */
  let stored: { documents: number; bytes: number } | undefined;
  let wasFull = false;
  /** The last batches: as few as hold `JUDGED` documents. */
  const batches: { documents: number; rejected: number }[] = [];
  const isFull = (size: { documents: number; bytes: number }) =>
    size.documents >= maxDocuments || size.bytes >= maxBytes;

  const requireRoom = (): void => {
    stored ??= state.rejectedSize();
    if (isFull(stored)) stored = state.rejectedSize();
    if (isFull(stored)) {
      const error = full(stored);
      blocked({ message: error.message, advice: error.advice });
      wasFull = true;
      throw error;
    }
    if (wasFull) blocked(undefined);
    wasFull = false;
  };

  return {
    require() {
      const documents = sum(batches.map((batch) => batch.documents));
      const rejected = sum(batches.map((batch) => batch.rejected));
      if (stopAbove !== undefined && documents >= JUDGED && rejected * 100 > stopAbove * documents)
        throw tooMany(rejected, documents, stopAbove);
      requireRoom();
    },
    took(documents, rejections) {
      if (documents === 0) return;
      batches.push({ documents, rejected: rejections.length });
      while (sum(batches.slice(1).map((batch) => batch.documents)) >= JUDGED) batches.shift();
      if (stored === undefined) return;
      stored.documents += rejections.length;
      for (const { document } of rejections) stored.bytes += Buffer.byteLength(document);
    },
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

function full({ documents, bytes }: { documents: number; bytes: number }): SluiceError {
  return new SluiceError(
    `the store of rejected documents is full (${documents} documents, ${Math.ceil(bytes / MIB)} MiB), so nothing more is sent`,
    {
      action: 'retry',
      waitMs: WAIT_MS,
      advice: `\`sluice rejections list\` says why they were refused. Mend that, stop Sluice and \`sluice rejections replay\`; or give them up with \`sluice rejections drop\`, or raise \`rejections.max_documents\` or \`max_bytes\`. ${NOTHING_LOST}`,
    },
  );
}

function tooMany(rejected: number, documents: number, stopAbove: number): SluiceError {
  return stopError(
    `the sink rejected ${rejected} of the last ${documents} documents, more than ${stopAbove} % (rejections.stop_above)`,
    `All of them are kept: \`sluice rejections list\` says why they were refused. Mend that, \`sluice rejections replay\`, and start Sluice again. ${NOTHING_LOST}`,
  );
}
