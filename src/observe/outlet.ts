/** Where logs and talk go: whoever reads them may vanish, and the disk under them may be full, and nothing else may end of it. */

/** A stream that takes every text without ever throwing, and counts what could not be written. */
interface Outlet {
  stream: NodeJS.WriteStream;
  lost(): Lost | undefined;
}

export interface Lost {
  /** How often something could not be written. */
  lines: number;
  /** Why not, the last time: `EPIPE`, `ENOSPC`. */
  why: string;
}

/** The stream goes on to be used as it is; its errors end here. */
export function keepOpen(stream: NodeJS.WriteStream): Outlet {
  const lost: Lost = { lines: 0, why: '' };
  const note = (error: NodeJS.ErrnoException | null | undefined): void => {
    if (!error) return;
    lost.lines++;
    lost.why = error.code ?? error.message;
  };
  stream.on('error', () => {}); // told to whoever wrote it
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
