/** `sluice check` for files: whether they can be written, whose they are, and what other users may do. */
import { randomUUID } from 'node:crypto';
import { lstatSync, readdirSync } from 'node:fs';
import { access, constants, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { StreamName } from '../../api/document.ts';
import type { CheckLine } from '../../api/sink.ts';
import { makeFolder, openNewFile } from '../../system/private-files.ts';
import { roomLine } from '../../system/room.ts';
import { isWide, narrowing, type Readers, requireTrustedFolder, whoMayReplace } from '../../system/trust.ts';
import { diskError } from './errors.ts';
import { type FolderSettings, lookInto, mayOf } from './folder.ts';
import { segmentsIn } from './names.ts';
import { type Owner, requireOwned } from './owner.ts';

interface CheckSettings extends FolderSettings {
  places?: readonly { stream: StreamName; namespace: string }[];
}

export async function checkFiles(
  settings: CheckSettings,
  owner: Owner | undefined,
  signal: AbortSignal,
): Promise<CheckLine[]> {
  signal.throwIfAborted();
  const { path, places = [] } = settings;
  const what = `write to ${path}`;
  const folders = places.map(({ namespace, stream }) => join(path, namespace, stream));
  try {
    makeFolder(path, settings);
    await writeProbe(settings);
    for (const folder of folders) await mayContinue(settings, folder, owner);
    const written = await roomLine(path, what);
    const open = openToOthers(settings, folders).map((detail) => ({
      what: 'private',
      ok: true,
      isWarning: true,
      detail,
    }));
    return [written, ...open];
  } catch (error) {
    const { message, advice } = diskError(path, error);
    return [{ what, ok: false, detail: message, advice }];
  }
}

async function writeProbe(settings: CheckSettings): Promise<void> {
  const { path } = settings;
  requireTrustedFolder(path, { ...settings, may: mayOf(path, settings) });
  const probe = join(path, `.sluice-check-${randomUUID()}`);
  const file = await openNewFile(probe, settings);
  await file.write('x').finally(() => file.close());
  await rm(probe);
}

/** Folders and open segments may belong to another user, who tried Sluice first, or to another state. */
async function mayContinue(settings: CheckSettings, folder: string, owner: Owner | undefined): Promise<void> {
  for (const each of [dirname(folder), folder]) {
    if (lstatSync(each, { throwIfNoEntry: false }) === undefined) return;
    requireTrustedFolder(each, { ...settings, may: mayOf(each, settings) });
    await access(each, constants.W_OK | constants.X_OK);
  }
  const found = lookInto(folder);
  // What is committed to a folder without an owner file, only the start knows.
  if (owner !== undefined && (found.file !== undefined || owner.state === ''))
    requireOwned(folder, found, new Map(), owner);
  for (const { name, standing } of found.segments)
    if (standing === 'part') await access(join(folder, name), constants.W_OK);
}

/** So that an old folder with many files does not hold up the start. */
const MOST_LOOKED_AT = 1000;

/** What other users may do in these folders of streams: a warning, for which nothing is refused. */
export function openToOthers(settings: FolderSettings, claimed: readonly string[]): string[] {
  const folders = [...new Set([settings.path, ...claimed.map((path) => dirname(path)), ...claimed])];
  const isOpen = (path: string) => isWideAt(path, settings);
  const files = claimed.flatMap((path) => namesIn(path).map((name) => join(path, name))).slice(-MOST_LOOKED_AT);
  const wide = folders.find(isOpen) ?? files.find(isOpen);
  const who = whoMayReplace(settings.path, settings);
  const read =
    wide === undefined
      ? []
      : [
          `others may look into ${wide}${wide === settings.path ? '' : ' and perhaps into more'}: \`${narrowing(settings.path, settings)}\``,
        ];
  return who === undefined ? read : [...read, who];
}

function isWideAt(path: string, readers: Readers): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats !== undefined && !stats.isSymbolicLink() && isWide(stats, readers);
}

function namesIn(path: string): string[] {
  try {
    return segmentsIn(readdirSync(path)).map(({ name }) => name);
  } catch {
    return [];
  }
}
