/**
 * Records that their list misses, and lists that miss too many.
 *
 * A list without details, which is read whole, tells a deletion by itself: two settled readings in a row, a snapshot
 * interval apart, do not have the record. A list that is empty all of a sudden, or lost more than a tenth, tells nothing:
 * a vendor that builds its index anew looks so. That is an alarm, which ends when the records are there again, or when a
 * person says that they are gone (`sluice state confirm`).
 */

import type { Json } from '../../api/document.ts';
import { hasKey } from '../../api/records/identity.ts';
import type { Page } from '../../api/walk.ts';
import type { PipelineState } from '../../state/store.ts';
import type { Pipeline } from '../pipeline.ts';

export type ListNeeds = Pick<
  Pipeline,
  'name' | 'registered' | 'state' | 'reading' | 'details' | 'events' | 'log' | 'now'
>;

/** The remembered number of records in a list. */
interface Listed {
  total: number;
  /** The smaller number since then, which is not believed. */
  few?: { total: number; sinceMs: number };
}

export interface Alarm {
  before: number;
  total: number;
  sinceMs: number;
}

const FACT = 'listed';
/** Below this part of what it had, a list is not believed. */
const BELIEVED = 0.9;
/** Where every deletion is proven by its details route, a few records may be all that a list had. */
const FEW_WITH_DETAILS = 10;

export function alarmOf(state: Pick<PipelineState, 'fact'>): Alarm | undefined {
  const listed = state.fact(FACT) as Listed | undefined;
  return listed?.few === undefined ? undefined : { before: listed.total, ...listed.few };
}

/** A person says that so few records are right. Says whether there was an alarm. */
export function confirmFew(state: Pick<PipelineState, 'fact' | 'setFact'>): Alarm | undefined {
  const alarm = alarmOf(state);
  if (alarm !== undefined) state.setFact(FACT, { total: alarm.total });
  return alarm;
}

/** Notes how many records a settled reading saw. Returns the alarm where that is not believed. */
export function noteTotal(pipeline: ListNeeds, total: number): Alarm | undefined {
  const { state, log, now, events } = pipeline;
  const before = state.fact(FACT) as Listed | undefined;
  if (before === undefined || !isTooFew(pipeline, total, before.total)) {
    events.alarmed(undefined);
    if (before?.few !== undefined) log.info(`the list is believed again: it has ${total} records`);
    if (before?.total !== total || before.few !== undefined) state.setFact(FACT, { total });
    return undefined;
  }
  const few = { total, sinceMs: before.few?.sinceMs ?? now() };
  if (before.few?.total !== total) state.setFact(FACT, { total: before.total, few } as unknown as Json);
  const alarm = { before: before.total, ...few };
  events.alarmed(alarmText(alarm, pipeline.name));
  if (before.few === undefined) log.warn(alarmText(alarm, pipeline.name));
  return alarm;
}

export function alarmText({ before, total }: Alarm, name: string): string {
  return `the list has ${total} records of ${before}: no deletion is told until they are back, or \`sluice state confirm --pipeline ${name}\` says that they are gone`;
}

function isTooFew(pipeline: ListNeeds, total: number, before: number): boolean {
  const spared = hasDetails(pipeline) ? FEW_WITH_DETAILS : 0;
  return (total === 0 || total < before * BELIEVED) && before - total > spared;
}

function hasDetails({ registered, details }: ListNeeds): boolean {
  return details && registered.stream.detail !== undefined;
}

/** Since when each record is missing, as the state has it; kept in memory, since every detail that is fetched asks. */
const remembered = new WeakMap<PipelineState, Map<string, number>>();

function missingOf({ state }: ListNeeds): Map<string, number> {
  const known = remembered.get(state) ?? state.missing();
  remembered.set(state, known);
  return known;
}

/** Since when this record is missing: now, where that is new, or was written by a clock that was ahead. */
export function missingSinceMs(pipeline: ListNeeds, key: string, nowMs: number): number {
  const missing = missingOf(pipeline);
  const sinceMs = missing.get(key);
  if (sinceMs !== undefined && sinceMs <= nowMs) return sinceMs;
  if (sinceMs !== undefined) clearMissing(pipeline, [key]);
  pipeline.state.setMissing([key], nowMs);
  missing.set(key, nowMs);
  return nowMs;
}

/** The keys were found again, or are told as deleted. */
export function clearMissing(pipeline: ListNeeds, keys: Iterable<string>): void {
  const missing = missingOf(pipeline);
  if (missing.size === 0) return;
  const found = [...keys].filter((key) => missing.delete(key));
  if (found.length > 0) pipeline.state.clearMissing(found);
}

/** How far two readings of a snapshot are apart at least: one may take longer than the other. */
export function apartMs({ reading }: ListNeeds): number {
  return reading.snapshotMs * 0.9;
}

/** What follows from the end of a settled list: the keys of records that are deleted, where there is no other proof. */
export function deletedByList(pipeline: ListNeeds, { accepted, ask = [] }: Page): string[] {
  const { stream } = pipeline.registered;
  if (stream.mode !== 'snapshot' || stream.tombstone === undefined || !accepted?.settled) return [];
  const isDoubted = noteTotal(pipeline, accepted.distinct) !== undefined;
  if (isDoubted || hasDetails(pipeline)) return [];
  const nowMs = pipeline.now();
  const unlisted = new Set(ask.filter(hasKey));
  clearMissing(
    pipeline,
    [...missingOf(pipeline).keys()].filter((key) => !unlisted.has(key)),
  );
  const enoughMs = apartMs(pipeline);
  return [...unlisted].filter((key) => nowMs - missingSinceMs(pipeline, key, nowMs) >= enoughMs);
}
