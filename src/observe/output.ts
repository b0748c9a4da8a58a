/**
 * The output of commands. A line stays one line whatever its text, so that foreign text cannot forge another line. It holds
 * no secret and no control character that a terminal would obey.
 */
import { drawn, inert, inertJson } from '../api/inert.ts';
import type { Redactor } from '../redaction/redactor.ts';

export interface Writer {
  write(text: string): unknown;
}

export interface Output {
  line(text: string): void;
  lines(texts: readonly string[]): void;
  /** A text of Sluice that has line feeds. */
  page(text: string): void;
  /** A value as JSON for programs, unchanged except for secrets. */
  json(value: unknown, indent?: number): void;
}

/** The longest line of a command; a table's cells are shorter. */
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

/** A terminal for the coloured log and the progress bar, which make their texts inert themselves. */
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
