/** Whether a disk has room left. */
import { statfs } from 'node:fs/promises';
import type { CheckLine } from '../api/sink.ts';

const MIB = 2 ** 20;
/** Less ends within hours on a busy day. */
const LITTLE_BYTES = 1024 * MIB;
/** Less does not hold a segment, or a checkpoint of the state. */
const NOTHING_BYTES = 32 * MIB;

/** A line of `sluice check` about the disk of `path`. */
export async function roomLine(path: string, what: string): Promise<CheckLine> {
  const { bavail, bsize, files, ffree } = await statfs(path);
  const free = bavail * bsize;
  const detail = `${Math.floor(free / MIB)} MiB free`;
  const advice = 'Free some space, give the disk more, or choose a path on another one.';
  if (free < NOTHING_BYTES) return { what, ok: false, detail: `${detail}: as good as full`, advice };
  if (files > 0 && ffree === 0)
    return { what, ok: false, detail: `${detail}, but no further file can be made (no inodes are left)`, advice };
  if (free < LITTLE_BYTES) return { what, ok: true, isWarning: true, detail: `only ${detail}`, advice };
  return { what, ok: true, detail };
}
