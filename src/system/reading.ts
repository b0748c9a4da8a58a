/** Reading files of others' making: line by line, and whether they are there or not. */

/** The lines that end within the chunks; returns what stands behind the last of them. */
export async function* wholeLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string, string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  return rest;
}

/** For `catch`: a value in place of a file or folder that is not there. */
export function ifThere<T>(otherwise: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code !== 'ENOENT') throw error;
    return otherwise;
  };
}
