/**
 * Where commands write. A line is one line whatever its text, so that no foreign one can pass for another; nothing in it
 * is a secret, and nothing is obeyed by a terminal.
 */
import { drawn, inert, inertJson } from '../api/inert.ts';
import type { Redactor } from '../redaction/redactor.ts';

export interface Writer {
  write(text: string): unknown;
}

export interface Output {
  line(text: string): void;
  lines(texts: readonly string[]): void;
  /** Our own words, with line feeds of their own. */
  page(text: string): void;
  /** For programs: the very value, but for secrets. */
  json(value: unknown, indent?: number): void;
}

/** No line of a command is longer; a table's cells are shorter. */
const LONGEST = 20_000;

export function openOutput(writer: Writer, { show, clean }: Redactor): Output {
  const write = (lines: readonly string[]) => void writer.write(lines.map((line) => `${line}\n`).join(''));
  const lines = (texts: readonly string[]) => write(texts.map((text) => show(text, LONGEST)));
  return {
    lines,
    line: (text) => lines([text]),
    page: (text) =>
      write(
        text
          .replace(/\n$/, '')
          .split('\n')
          .map((line) => inert(line, LONGEST)),
      ),
    json: (value, indent) => void writer.write(`${inertJson(clean(value), indent)}\n`),
  };
}

/** A terminal for what draws: the log in colours, and the progress bar. Both make their texts inert themselves. */
export interface Terminal extends Writer {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export function openTerminal(stream: Terminal): Terminal {
  return {
    write: (text) => stream.write(drawn(text)),
    get isTTY() {
      return stream.isTTY;
    },
    get columns() {
      return stream.columns;
    },
  };
}
