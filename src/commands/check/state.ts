/** The rows of the state: whether it can be used, of which version it is, how large, and whether it is as it was left. */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { isStateInUse, type StateHealth, verifyState } from '../../state/sqlite.ts';
import { roomLine } from '../../system/room.ts';
import type { CommandContext } from '../shared/command-context.ts';
import { attempt, type CheckRow } from './row.ts';

const PART = 'state';

export async function stateRows(context: CommandContext): Promise<{ rows: CheckRow[]; isInUse: boolean }> {
  const { path } = context.config.state;
  const open: string[] = [];
  const place = { ...context.config.state, tell: (text: string) => open.push(text) };
  let isInUse = false;
  let health: StateHealth | undefined;
  const usable = await attempt(PART, 'usable', undefined, async () => {
    isInUse = isStateInUse(place);
    health = verifyState({ ...place, now: context.tools.now });
    return isInUse ? `${path}, in use by a running Sluice` : path;
  });
  const about = usable.ok ? [...healthRows(path, health, isInUse), await room(path)] : [];
  const priv = open.map((detail) => ({ part: PART, what: 'private', ok: true, isWarning: true, detail }));
  return { rows: [usable, ...about, ...priv], isInUse };
}

function healthRows(path: string, health: StateHealth | undefined, isInUse: boolean): CheckRow[] {
  if (health === undefined)
    return [{ part: PART, what: 'whole', ok: true, detail: 'none yet: the first run makes it' }];
  const { version, known, isSealed } = health;
  const how = isSealed
    ? 'byte by byte as it was left (seal)'
    : isInUse
      ? 'its pages make sense; it is in use, so there is no seal'
      : 'its pages make sense; it has no seal, since it was not closed in order or is large';
  const whole = { part: PART, what: 'whole', ok: true, detail: `${how}, ${sizeOf(path)} MiB` };
  const schema = { part: PART, what: 'schema', ok: true };
  if (version === known) return [whole, { ...schema, detail: `${version}, the one of this version` }];
  const advice = `Copy it first: \`sluice state backup before.db\`. The next start of this version changes it, and an older version then refuses it.`;
  const detail = `${version}, of an earlier version; this one has ${known}`;
  return [whole, { ...schema, isWarning: true, detail, advice }];
}

function sizeOf(path: string): number {
  const files = ['state.db', 'state.db-wal'].map((name) => lstatSync(join(path, name), { throwIfNoEntry: false }));
  return Math.ceil(files.reduce((sum, file) => sum + (file?.size ?? 0), 0) / 2 ** 20);
}

async function room(path: string): Promise<CheckRow> {
  return { part: PART, ...(await roomLine(path, 'disk')) };
}
