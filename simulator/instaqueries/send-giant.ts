import { setTimeout as sleep } from 'node:timers/promises';
import type { Due } from '../fault-engine.ts';
import { fraction, SALT } from '../hash.ts';
import type { Sending } from '../reply.ts';
import { reset } from '../send.ts';
import { CYCLE, type Giant } from './giant.ts';

const CHUNK_RECORDS = 64 * CYCLE;

/** Where and how a fault ends the reply. */
interface Ending {
  promised: number;
  bytes: number;
  reset: boolean;
  malformed: boolean;
  sleepMs: number;
}

function endingOf({ length, recordBytes }: Giant, seed: number, due: Due | undefined): Ending {
  const whole: Ending = { promised: length, bytes: length, reset: false, malformed: false, sleepMs: 0 };
  if (!due) return whole;
  const { fault, at, overMs = 1000 } = due.rule;
  if (fault === 'malformed-json') return { ...whole, malformed: true };
  if (fault === 'slow') return { ...whole, sleepMs: (overMs * CHUNK_RECORDS * recordBytes) / length };
  const bytes = Math.min(length - 1, Math.max(1, Math.floor(length * (at ?? fraction(seed, due.turn, SALT.cut)))));
  return fault === 'reset-body' ? { ...whole, bytes, reset: true } : { ...whole, bytes, promised: bytes };
}

/** The reply in pieces. Two buffers are used in turn: a piece must be written before the next but one is requested. */
function* pieces(giant: Giant, malformed: boolean): Generator<Buffer> {
  yield giant.head;
  const records = Math.min(CHUNK_RECORDS, Math.ceil(giant.count / CYCLE) * CYCLE);
  const buffers = [giant.blank(records), giant.blank(records)];
  for (let from = 0, turn = 0; from < giant.count; from += records, turn++) {
    const buffer = buffers[turn % 2] as Buffer;
    yield buffer.subarray(0, giant.fill(buffer, from));
  }
  yield malformed ? Buffer.concat([giant.tail.subarray(0, -1), Buffer.from(',')]) : giant.tail;
}

/** Sends the giant reply at the pace of its reader, with at most two pieces in memory. `sent`: the whole reply was sent without a fault. */
export async function sendGiant(
  { request, response, now }: Sending,
  giant: Giant,
  { seed, due, sent }: { seed: number; due?: Due; sent: () => void },
): Promise<void> {
  const ending = endingOf(giant, seed, due);
  response.writeHead(200, {
    Date: new Date(now).toUTCString(),
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': ending.promised,
  });
  const closed = new Promise<void>((resolve) => response.once('close', resolve));
  let left = ending.bytes;
  let before: Promise<void> = Promise.resolve();
  for (const piece of pieces(giant, ending.malformed)) {
    if (ending.sleepMs > 0) await sleep(ending.sleepMs, undefined, { ref: false });
    const part = piece.length > left ? piece.subarray(0, left) : piece;
    left -= part.length;
    const written = new Promise<void>((resolve) => response.write(part, () => resolve()));
    await Promise.race([before, closed]);
    if (response.destroyed) return;
    before = written;
    if (left === 0) break;
  }
  await Promise.race([before, closed]);
  if (ending.reset) return reset(request);
  if (left === 0 && ending.bytes === giant.length && !ending.malformed) response.once('finish', sent);
  response.end();
}
