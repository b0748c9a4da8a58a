/** Reads a body that comes as it is, or is packed and small, without a generator for each step: most replies are such. */
import type { IncomingMessage } from 'node:http';
import { gunzipSync } from 'node:zlib';
import type { Watch } from './watch.ts';

/** The size so far; a promise delays the reading. */
export type Grow = (bytes: number) => Promise<void> | undefined;

/**
 * The chunks of a body up to its end. Returns false once there are more than `most` bytes: then the chunks so far are in
 * `chunks`, the one that was too many among them, and the message waits to be read further.
 */
export function collect(
  message: IncomingMessage,
  chunks: Buffer[],
  most: number,
  watch: Watch,
  grow?: Grow,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let bytes = 0;
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      chunks.push(chunk);
      if (bytes > most) {
        leave(() => resolve(false));
        return;
      }
      const delay = grow?.(bytes);
      if (delay === undefined) return;
      message.pause();
      watch.halt();
      delay.then(
        () => {
          watch.run();
          message.resume();
        },
        (error: unknown) => leave(() => reject(error)),
      );
    };
    const onEnd = () => leave(() => resolve(true));
    const onError = (error: Error) => leave(() => reject(error));
    const leave = (then: () => void): void => {
      message.off('data', onData).off('end', onEnd).off('error', onError);
      if (!message.readableEnded) message.pause();
      watch.halt();
      then();
    };
    watch.run();
    message.on('data', onData).on('end', onEnd).on('error', onError);
  });
}

export function joined(chunks: readonly Buffer[]): Buffer {
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
}

/** Packed bodies up to this size are unpacked at once, if they do not become much larger. */
export const SMALL_PACKED_BYTES = 64 * 1024;
const MOST_UNPACKED_BYTES = 1024 * 1024;

/** Undefined for a body that is to be unpacked with more care: damaged, followed by something else, or too large. */
export function gunzipAtOnce(packed: Buffer, most: number): Buffer | undefined {
  try {
    return gunzipSync(packed, { maxOutputLength: Math.max(1, Math.min(most, MOST_UNPACKED_BYTES)) });
  } catch {
    return undefined;
  }
}
