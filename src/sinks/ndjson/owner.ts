/**
 * Who owns an output folder. A file in the folder names the state that its segments belong to, and the last finished one of
 * each walk; receipts name the folder. So neither folder nor state can be lost, set aside or restored in part unnoticed
 * ([decision 0040](../../docs/decisions/0040-an-output-folder-belongs-to-one-state.md)).
 */

import type { Json } from '../../api/document.ts';
import { type SluiceError, stopError } from '../../api/errors.ts';
import { shellWord } from '../../system/trust.ts';
import type { Segment } from './names.ts';

/** The state that a sink works for. */
export interface Owner {
  /** Its id, and the folder where it is. */
  state: string;
  path: string;
  /** A person said that folders are to be taken as they are. */
  adopt: boolean;
}

/** What `.sluice-owner.json` says. */
export interface OwnerFile {
  state: string;
  /** Where that state was: for people. */
  path: string;
  /** Tells this folder from one that is made anew in its place. */
  folder: string;
  /** The last segment of each walk that was finished: a collector may have taken it since. */
  finished: Map<string, number>;
  /** The last segment of each walk that a person took over as it was. */
  adopted: Map<string, number>;
}

/** What a commit says of a walk's segments. */
export interface Receipt {
  segment: number;
  length: number;
  /** The id of the folder; undefined in receipts of earlier versions. */
  folder: string | undefined;
}

export type Receipts = ReadonlyMap<string, Receipt>;

export interface Found {
  segments: readonly Segment[];
  /** Undefined where the folder has no owner yet. */
  file: OwnerFile | undefined;
}

/** Receipts by walk, without those of walks that have written nothing. */
export function toReceipts(committed: ReadonlyMap<string, Json>): Receipts {
  const receipts = new Map<string, Receipt>();
  for (const [walk, json] of committed) {
    const { segment = 0, length = 0, folder } = (json ?? {}) as Partial<Receipt>;
    if (segment > 0) receipts.set(walk, { segment, length, folder });
  }
  return receipts;
}

/** Throws unless the folder belongs to the state and holds what was committed to it. `adopt` takes it as it is. */
export function requireOwned(path: string, found: Found, receipts: Receipts, owner: Owner): void {
  if (owner.adopt) return;
  const { file, segments } = found;
  if (file !== undefined && file.state !== owner.state) throw ofOther(path, file, owner);
  const problem = [...receipts].map(([walk, receipt]) => missing(path, found, walk, receipt)).find(Boolean);
  if (problem !== undefined) throw problem;
  if (file !== undefined && receipts.size > 0) requireNewer(path, file, receipts);
  if (file === undefined && segments.length > 0 && !isKnown(segments, receipts)) throw ofNobody(path);
}

/** A folder from before folders were named: receipts name its segments, and it has none that is newer. */
function isKnown(segments: readonly Segment[], receipts: Receipts): boolean {
  const isNewer = ({ walk, number, standing }: Segment) =>
    standing === 'finished' && number > (receipts.get(walk)?.segment ?? Number.POSITIVE_INFINITY);
  return !segments.some(isNewer) && segments.some(({ walk }) => receipts.has(walk));
}

/** Finished segments were committed before: a state that does not know them is an older one. One without receipts was reset. */
function requireNewer(path: string, { finished, adopted }: OwnerFile, receipts: Receipts): void {
  for (const [walk, number] of finished) {
    const known = Math.max(receipts.get(walk)?.segment ?? 0, adopted.get(walk) ?? 0);
    if (number > known) throw older(path, walk, number, known);
  }
}

/** What is wrong with the last committed segment of a walk. */
function missing(path: string, { file, segments }: Found, walk: string, receipt: Receipt): SluiceError | undefined {
  const { segment, folder } = receipt;
  if (segment <= (file?.adopted.get(walk) ?? 0)) return undefined;
  if (folder !== undefined && folder !== file?.folder) return replaced(path);
  const ours = segments.filter((one) => one.walk === walk && one.number === segment);
  const whole = ours.find(({ standing }) => standing !== 'uncommitted');
  if (whole !== undefined || (file?.finished.get(walk) ?? 0) >= segment) return undefined; // else a collector has it
  const [aside] = ours;
  if (aside !== undefined) return setAside(path, aside);
  return folder === undefined ? undefined : gone(path, walk, receipt); // earlier versions did not say what is finished
}

const LOST =
  'What was in it and is lost, `sluice state reset --pipeline …` ships again, with all that is in range; to go on without it: `sluice run --adopt`.';

function replaced(path: string): SluiceError {
  return stopError(
    `the output folder ${path} is not the one that this state has written to: that was removed, or another is in its place`,
    `Put it back, with the files in it that begin with a dot. ${LOST}`,
  );
}

function gone(path: string, walk: string, { segment, length }: Receipt): SluiceError {
  return stopError(
    `segment ${segment} of ${walk} in ${path} is gone, and was not finished when ${length} bytes of it were committed`,
    `Put it back: files that end in .part are nobody's to take. ${LOST}`,
  );
}

function setAside(path: string, { name }: Segment): SluiceError {
  const file = `${path}/${name}`;
  const part = file.replace(/\.uncommitted$/, '.part');
  return stopError(
    `${file} was committed, and yet it was set aside: another Sluice was at work in this folder`,
    `Give it its name back, and it is cut to what was committed: \`mv ${shellWord(file)} ${shellWord(part)}\`. See to it that no other Sluice writes here.`,
  );
}

function older(path: string, walk: string, finished: number, segment: number): SluiceError {
  return stopError(
    `the state is older than its output: ${path} has ${finished} finished segments of ${walk}, and the state knows of ${segment}`,
    'Was a backup of the state put back? Put back the newer state. Without one, what was delivered since then is delivered once more: `sluice run --adopt`.',
  );
}

function ofOther(path: string, file: OwnerFile, { path: mine }: Owner): SluiceError {
  if (file.path === mine) {
    return stopError(
      `the output folder ${path} belongs to the state that was in ${JSON.stringify(mine)} before: that is missing, and there is another one`,
      `Put it back. Without it, move the folder away to begin anew, or go on behind its segments with \`sluice run --adopt\`: what is in range is shipped once more.`,
    );
  }
  return stopError(
    `the output folder ${path} belongs to another state: ${file.state.slice(0, 12)}, which was in ${JSON.stringify(file.path)}`,
    `Give this one (its state is in ${mine}) an output folder of its own: another \`path\` of the sink. To hand the folder over for good, stop the other Sluice, let it end by itself, and start this one once with \`--adopt\` (\`sluice run --adopt\`).`,
  );
}

function ofNobody(path: string): SluiceError {
  return stopError(
    `the output folder ${path} has segments that this state does not know: it would ship what is in them once more`,
    'Is the state missing, or an older one? Put it back. To begin anew, move the folder away; to go on behind its segments: `sluice run --adopt`.',
  );
}

/** The owner file of a folder that this state has taken. */
export function ownedBy(owner: Owner, { file, segments }: Found, receipts: Receipts, fresh: string): OwnerFile {
  const { state, path } = owner;
  const finished = new Map(file?.finished);
  for (const { walk, number, standing } of segments) if (standing === 'finished') raise(finished, walk, number);
  const isReset = receipts.size === 0;
  if (!owner.adopt) {
    const adopted = new Map(isReset ? finished : file?.adopted);
    return { state, path, folder: file?.folder ?? fresh, finished, adopted };
  }
  const adopted = new Map(finished);
  for (const { walk, number } of segments) raise(adopted, walk, number);
  for (const [walk, { segment }] of receipts) raise(adopted, walk, segment);
  return { state, path, folder: fresh, finished, adopted };
}

export function raise(numbers: Map<string, number>, walk: string, number: number): void {
  numbers.set(walk, Math.max(number, numbers.get(walk) ?? 0));
}

export function toText({ finished, adopted, ...rest }: OwnerFile): string {
  const plain = { ...rest, finished: Object.fromEntries(finished), adopted: Object.fromEntries(adopted) };
  return `${JSON.stringify(plain, undefined, 2)}\n`;
}

/** Throws when the text is none that Sluice has written. */
export function toOwnerFile(text: string): OwnerFile {
  const { state, path, folder, finished, adopted } = JSON.parse(text) as Record<string, unknown>;
  const isId = (value: unknown) => typeof value === 'string' && /^[0-9a-f]{32}$/.test(value);
  if (!isId(state) || !isId(folder) || typeof path !== 'string') throw new Error('a member is missing');
  return {
    ...{ state: state as string, path: path as string, folder: folder as string },
    ...{ finished: toNumbers(finished), adopted: toNumbers(adopted) },
  };
}

function toNumbers(value: unknown): Map<string, number> {
  const entries = Object.entries((value ?? {}) as object);
  if (entries.some(([, number]) => !Number.isSafeInteger(number))) throw new Error('a number of a segment is none');
  return new Map(entries as [string, number][]);
}
