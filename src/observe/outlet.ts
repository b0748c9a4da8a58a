/** Writes logs and progress. Their reader may vanish, or their disk be full: Sluice goes on all the same. */

/** A stream that never throws, and counts texts that could not be written. */
interface Outlet {
  stream: NodeJS.WriteStream;
  lost(): Lost | undefined;
}

export interface Lost {
  /** The number of texts that could not be written. */
  lines: number;
  /** The reason of the last failure: `EPIPE`, `ENOSPC`. */
  why: string;
}

/** Wraps a stream; other code may go on to use the stream itself, whose errors are ignored from now on. */
export function keepOpen(stream: NodeJS.WriteStream): Outlet {
  const lost: Lost = { lines: 0, why: '' };
  const note = (error: NodeJS.ErrnoException | null | undefined): void => {
    if (!error) return;
    lost.lines++;
    lost.why = error.code ?? error.message;
  };
  stream.on('error', () => {}); // the callback of each write gets the error
  const write = stream.write.bind(stream) as (chunk: unknown, encoding: unknown, done: unknown) => boolean;
  stream.write = ((chunk: unknown, second?: unknown, third?: unknown) => {
    const told = typeof second === 'function' ? second : third;
    const encoding = typeof second === 'function' ? undefined : second;
    const done = (error?: Error | null): void => {
      note(error);
      if (typeof told === 'function') told(error);
    };
    try {
      return write(chunk, encoding, done);
    } catch (error) {
      done(error as Error);
      return true;
    }
  }) as typeof stream.write;
  return { stream, lost: () => (lost.lines === 0 ? undefined : { ...lost }) };
}
