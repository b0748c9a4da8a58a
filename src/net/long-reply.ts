/**
 * Reads a reply that holds one long array part by part, so that the whole reply is never in memory.
 *
 * Up to a few megabytes the reply is parsed at once, which is several times faster. A longer one goes through the
 * tokenizer of stream-json, called as a function (its streams cost more than its parsing), with packed values only.
 */
import type { TextDecoder } from 'node:util';
import { isMany, none } from 'stream-chain/core';
import Assembler from 'stream-json/assembler.js';
import { jsonParser, type Token } from 'stream-json/parser.js';
import { decoderOf, textOfReply } from '../api/charset.ts';
import { messageOf, SluiceError } from '../api/errors.ts';
import type { HttpReply } from '../api/http.ts';
import { exactNumber, parseExact } from '../api/records/json.ts';

interface LongReplyOptions {
  /** The name of the array's member, in any casing. */
  member: string;
  /** The name of the reply in errors. */
  place: string;
  /** The reply's headers, which tell its character set. */
  headers?: Pick<HttpReply['headers'], 'get'>;
  /** Called before the first part with the members that stand before the array (all others, where the reply is short). */
  begin?: (members: Rest) => void;
  /** A reply of no more bytes than this is parsed whole. */
  wholeBytes?: number;
  /** The most bytes of one item, and of the members before or behind the array; a longer reply is refused. */
  mostBytes?: number;
  /** Takes the memory for the bytes that are in memory at the same time. */
  grow?: (bytes: number) => Promise<void> | undefined;
  /** Takes the memory for parsing the whole reply. Resolves to a number if there is not enough: then it is parsed part by part. */
  weigh?: (whole: Buffer) => Promise<number | undefined> | undefined;
}

const WHOLE_BYTES = 4 * 1024 * 1024;
/** The deepest nesting of a reply that is not parsed whole: each level takes memory of its own. */
const MOST_DEEP = 100_000;
const PART = 250;
/** The longest byte order mark. */
const MARK_BYTES = 3;

type Rest = Record<string, unknown>;

/**
 * The items of the array in parts; returns the other members once everything is read. Throws `retry` for a reply that is
 * no JSON object with such an array: possibly after parts were yielded.
 */
export async function* partsOf(
  body: AsyncIterable<Buffer>,
  options: LongReplyOptions,
): AsyncGenerator<unknown[], Rest> {
  const { member, place, headers = NO_HEADERS, begin, mostBytes = Number.POSITIVE_INFINITY } = options;
  const { grow, weigh } = options;
  const wholeBytes = Math.min(options.wholeBytes ?? WHOLE_BYTES, mostBytes);
  const head: Buffer[] = [];
  let bytes = 0;
  let long: ReturnType<typeof longReader> | undefined;
  const openLong = (start: Buffer) =>
    longReader({ member, place, decoder: decoderOf(headers, start), begin, mostBytes });
  for await (const chunk of body) {
    bytes += chunk.length;
    if (long !== undefined) yield* long.take(chunk);
    else {
      head.push(chunk);
      await grow?.(Math.min(bytes, wholeBytes));
      if (bytes <= wholeBytes) continue;
      long = openLong(Buffer.concat(head, MARK_BYTES));
      for (let one = head.shift(); one !== undefined; one = head.shift()) yield* long.take(one);
    }
  }
  const whole = Buffer.concat(head);
  if (long === undefined && (await weigh?.(whole)) !== undefined) {
    long = openLong(whole);
    yield* long.take(whole);
  }
  if (long !== undefined) {
    yield* long.end();
    return long.rest();
  }
  const [records, rest] = readWhole(textOfReply({ headers, body: whole }), member, place);
  begin?.(rest);
  yield* inParts(records);
  return rest;
}

function* inParts(records: unknown[]): Generator<unknown[]> {
  for (let at = 0; at < records.length; at += PART) yield records.slice(at, at + PART);
}

function readWhole(text: string, member: string, place: string): [unknown[], Rest] {
  let reply: unknown;
  try {
    reply = parseExact(text);
  } catch (error) {
    throw garbled(place, `is not valid JSON (${text.length} characters)`, error);
  }
  if (typeof reply !== 'object' || reply === null) throw garbled(place, 'is not an object');
  const { [nameOf(reply, member)]: records, ...rest } = reply as Rest;
  if (records === null) return [[], rest];
  if (!Array.isArray(records)) throw garbled(place, `has no array "${member}"`);
  return [records, rest];
}

function nameOf(reply: object, member: string): string {
  const lower = member.toLowerCase();
  return Object.keys(reply).find((name) => name.toLowerCase() === lower) ?? member;
}

/** Longer texts would be large objects of the heap, which only a full collection frees. */
const BITE = 16_384;
/** The fewest items of a part. Parts are yielded after a bite, since items take more memory than their text. */
const ENOUGH = 200;

const NO_HEADERS = { get: () => null };

interface LongReader extends Pick<LongReplyOptions, 'member' | 'place' | 'begin'> {
  decoder: TextDecoder;
  mostBytes: number;
}

function longReader({ member, place, decoder, begin, mostBytes }: LongReader) {
  const lower = member.toLowerCase();
  const parse = jsonParser({ packValues: true, streamValues: false });
  const assembler = new Assembler();
  let items: unknown[] | undefined;
  let bytesSinceItem = 0;
  const consume = (input: string | typeof none): void => {
    let result: ReturnType<typeof parse>;
    try {
      result = parse(input as string); // `none` ends the text; the declared type does not know it
    } catch (error) {
      throw garbled(place, `is not valid JSON: ${messageOf(error)}`, error);
    }
    const tokens = isMany(result) ? (result as { values: readonly Token[] }).values : [];
    for (const token of tokens) {
      // An item is added to its array when it is complete, so all items of the array can be yielded.
      const isTheArray =
        token.name === 'startArray' && assembler.depth === 1 && String(assembler.key).toLowerCase() === lower;
      if (isTheArray && items === undefined) begin?.({ ...(assembler.current as Rest) });
      assembler.consume(exactToken(token));
      if (assembler.depth > MOST_DEEP) throw tooLarge(place, `is nested more than ${MOST_DEEP} times`);
      if (isTheArray) items ??= assembler.current as unknown[];
    }
  };
  const taken = (least: number): Generator<unknown[]> =>
    inParts(items === undefined || items.length < least ? [] : items.splice(0, items.length));
  return {
    *take(chunk: Buffer): Generator<unknown[]> {
      for (let at = 0; at < chunk.length; at += BITE) {
        const before = items?.length ?? 0;
        const bite = chunk.subarray(at, at + BITE);
        let least = ENOUGH;
        let excess: SluiceError | undefined;
        try {
          consume(decoder.decode(bite, { stream: true }));
          bytesSinceItem = (items?.length ?? 0) > before ? 0 : bytesSinceItem + bite.length;
          if (bytesSinceItem > mostBytes) throw tooLarge(place, `holds more than ${mostBytes} bytes in one piece`);
        } catch (error) {
          if (!(error instanceof SluiceError && error.isTooLarge)) throw error;
          excess = error;
          least = 1; // the members before the array are parsed apart
        }
        yield* taken(least);
        if (excess !== undefined) throw excess;
      }
    },
    *end(): Generator<unknown[]> {
      const last = decoder.decode();
      if (last !== '') consume(last);
      consume(none);
      if (!assembler.done) throw garbled(place, 'breaks off');
      yield* taken(1);
    },
    rest(): Rest {
      if (items === undefined) throw garbled(place, `has no array "${member}"`);
      const rest = { ...(assembler.current as Rest) };
      delete rest[nameOf(rest, member)];
      return rest;
    },
  };
}

/** A number that JavaScript cannot keep becomes a string of its digits. */
function exactToken(token: Token): Token {
  if (token.name !== 'numberValue') return token;
  const literal = String(token.value);
  return typeof exactNumber(literal) === 'string' ? { name: 'stringValue', value: literal } : token;
}

function tooLarge(place: string, what: string): SluiceError {
  return new SluiceError(`${place}: the reply ${what}`, {
    action: 'reject',
    isTooLarge: true,
    advice:
      'What stands before it is delivered. If this is no mistake of the vendor, raise http.max_body of the source, and give Sluice memory for it.',
  });
}

function garbled(place: string, what: string, cause?: unknown): SluiceError {
  return new SluiceError(`${place}: the reply ${what}`, {
    action: 'retry',
    advice: 'If this stays so, something between Sluice and the vendor changes replies, or the vendor changed its API.',
    cause,
  });
}
