/** The folder of one stream's segments: locked, named after its state, and looked at through no link. */
import { randomBytes } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { lstat, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Json } from '../../api/document.ts';
import { messageOf, type SluiceError, stopError } from '../../api/errors.ts';
import { showUser } from '../../system/accounts.ts';
import { holderOf, type Lock, takeLock } from '../../system/os-lock.ts';
import { makeFile, makeFolder, openNewFile, syncFolder } from '../../system/private-files.ts';
import { ownFile, type Readers, requireTrustedFolder } from '../../system/trust.ts';
import { type Segment, segmentsIn } from './names.ts';
import {
  type Found,
  type Owner,
  type OwnerFile,
  ownedBy,
  type Receipts,
  raise,
  requireOwned,
  toOwnerFile,
  toReceipts,
  toText,
} from './owner.ts';

const OWNER_FILE = '.sluice-owner.json';
const LOCK_FILE = '.sluice-lock';

/** A folder that this process has taken. */
export interface FolderClaim {
  path: string;
  /** The folder's id in receipts. */
  id: string;
  /** Whose segments it held when it was taken: receipts know none of another state's, and not all of those without an owner. */
  was: 'ours' | 'unknown' | 'of another';
  /** The last finished segment of a walk, 0 for none. */
  finished(walk: string): number;
  /** Notes that segments are finished, and, the first time, that the folder is taken: to be called before it is used. */
  note(segments: readonly Pick<Segment, 'walk' | 'number'>[]): Promise<void>;
  /** Throws when committed segments are missing. */
  require(committed: ReadonlyMap<string, Json>): Promise<void>;
  /** Throws when the folder has been replaced since it was taken. */
  requireSame(): Promise<void>;
  close(): void;
}

export interface FolderSettings extends Readers {
  /** The folder of the sink: it holds one for each source, and that one for each stream. */
  path: string;
}

/**
 * Takes the folder. Undefined where there is none and none is expected; `make` makes it. Throws when the folder belongs to
 * another state, or lacks committed segments. `note` writes down that it is taken.
 */
export function claimFolder(
  settings: FolderSettings,
  path: string,
  committed: ReadonlyMap<string, Json>,
  { owner, make }: { owner: Owner; make: boolean },
): FolderClaim | undefined {
  const receipts = toReceipts(committed);
  const isThere = isAnything(path);
  if (!isThere) requireOwned(path, { segments: [], file: undefined }, receipts, owner);
  const isTakenAsGone = owner.adopt && receipts.size > 0;
  const makes = make || isTakenAsGone;
  for (const folder of [settings.path, dirname(path), path]) {
    if (!makes && !isAnything(folder)) return undefined;
    makeFolder(folder, settings);
    requireTrustedFolder(folder, { ...settings, may: mayOf(folder, settings) });
  }
  const lock = lockFolder(path, settings);
  try {
    return openClaim(settings, path, receipts, owner, lock);
  } catch (error) {
    lock.close();
    throw error;
  }
}

function isAnything(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

export function mayOf(folder: string, { path }: FolderSettings): ('be a link' | 'be sticky')[] {
  return folder === path ? ['be a link', 'be sticky'] : [];
}

function lockFolder(path: string, readers: Readers): Lock {
  const file = join(path, LOCK_FILE);
  makeFile(file, 0o600, readers);
  ownFile(file);
  const lock = takeLock(file, 0);
  if (lock !== undefined) return lock;
  const holder = holderOf(file);
  const who =
    holder === undefined
      ? 'a process that cannot be seen from here'
      : `process ${holder.pid}${holder.user === undefined ? '' : ` of ${showUser(holder.user)}`}`;
  throw stopError(
    `the output folder ${path} is in use by ${who}`,
    'It belongs to one Sluice at a time. Give this one a state and an output folder of its own (`state.path`, and `path` of the sink), or stop the other one.',
  );
}

/** The segments in a folder, and its owner file. */
export function lookInto(path: string): Found {
  const names = readdirSync(path);
  return { segments: segmentsIn(names), file: names.includes(OWNER_FILE) ? readOwner(path) : undefined };
}

function readOwner(path: string): OwnerFile {
  const file = join(path, OWNER_FILE);
  ownFile(file);
  try {
    return toOwnerFile(readFileSync(file, 'utf8'));
  } catch (error) {
    throw stopError(
      `${file} does not say whose folder it is: ${messageOf(error)}`,
      'Put it back as it was. Where that cannot be: remove it, and take the folder over with `sluice run --adopt`.',
    );
  }
}

function openClaim(settings: FolderSettings, path: string, receipts: Receipts, owner: Owner, lock: Lock): FolderClaim {
  const found = lookInto(path);
  requireOwned(path, found, receipts, owner);
  const file = ownedBy(owner, found, receipts, randomBytes(16).toString('hex'));
  const locked = lstatSync(join(path, LOCK_FILE)).ino;
  let isSaved = found.file !== undefined && toText(found.file) === toText(file);
  let writing: Promise<void> = Promise.resolve();
  const save = () => {
    // One write after the other; each writes what is known by then.
    writing = writing
      .catch(() => {})
      .then(async () => {
        if (isSaved) return;
        isSaved = true;
        await writeOwner(path, toText(file), settings).catch((error: unknown) => {
          isSaved = false;
          throw error;
        });
      });
    return writing;
  };
  const requireSame = async () => {
    const now = await lstat(join(path, LOCK_FILE)).catch(() => undefined);
    if (now?.ino !== locked) throw removed(path);
  };
  return {
    path,
    id: file.folder,
    was: wasOf(found, owner),
    finished: (walk) => file.finished.get(walk) ?? 0,
    note(segments) {
      for (const { walk, number } of segments) {
        if (number <= (file.finished.get(walk) ?? 0)) continue;
        raise(file.finished, walk, number);
        isSaved = false;
      }
      return save();
    },
    async require(again) {
      await requireSame();
      const segments = segmentsIn(await readdir(path));
      requireOwned(path, { segments, file }, toReceipts(again), { ...owner, adopt: false });
    },
    requireSame,
    close: () => lock.close(),
  };
}

function wasOf({ file }: Found, owner: Owner): FolderClaim['was'] {
  if (!owner.adopt || file?.state === owner.state) return 'ours';
  return file === undefined ? 'unknown' : 'of another';
}

/** The files are as good as lost: nothing more is written where no reader would find it. */
export function removed(path: string): SluiceError {
  return stopError(
    `${path} was removed, replaced or changed while Sluice was writing there`,
    'Put it back as it was. If it is lost: `sluice state reset --pipeline …` forgets what was delivered there, and everything in range is shipped again; to go on without it: `sluice run --adopt`.',
  );
}

/** The old file stays until the new one is whole. */
async function writeOwner(path: string, text: string, readers: Readers): Promise<void> {
  const fresh = join(path, `${OWNER_FILE}.new`);
  await rm(fresh, { force: true });
  const file = await openNewFile(fresh, readers);
  try {
    await file.writeFile(text);
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(fresh, join(path, OWNER_FILE));
  await syncFolder(path);
}
