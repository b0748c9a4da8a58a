/**
 * A task at the vendor: it is started, may answer nothing for a while, and then hands out its content in parts (Automation
 * API guide, "ShowFootPrintTable": "The API response may return empty results if the task specified is still ongoing",
 * and "ShowContent").
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { actionOf, type Json, messageOf, SluiceError, type StreamContext } from '../../../src/index.ts';
import { garbled, readTaskReply, type TaskReply } from './envelope.ts';
import { CONTENT, PATH, TASK_TYPE } from './routes.ts';

/** So many records of a part are asked for at most; fewer where the vendor's reply to that is too large. */
const TOP_N = 1000;
/** What one task brings is held together: so much of it at most. */
const MOST = { parts: 2000, entries: 200_000, bytes: 16 * 1024 * 1024 };
const SLOWEST_POLL = 10;

/** All that the task brought, with what its replies say beside their content. */
export type TaskResult = Pick<
  TaskReply,
  'taskId' | 'serverGuid' | 'serverName' | 'timeZone' | 'content' | 'failures' | 'beside'
>;

/**
 * Starts a task and reads it to its end. The parts are held together, since what an entry refers to may come in another
 * part; one task is the footprints of one endpoint in one investigation.
 *
 * `hasMore: false` without any content says nothing: so answers a task that is still running. Such a task has ended when
 * its progress says so, as far as that can be read; one that shows work to do has not, whatever came. One that has not
 * ended after `taskDeadlineMs` throws `retry`, with a pause: a new task would only be as slow. What came by then without
 * more being announced is returned as a failure in part. What the vendor says of parts that failed is in `failures`.
 */
export async function runTask(
  context: StreamContext,
  url: string,
  payload: { [member: string]: Json },
): Promise<TaskResult> {
  const startedAtMs = performance.now();
  let reply = await request(context, url, { Url: url, TaskType: TASK_TYPE, Payload: payload });
  const { taskId } = reply;
  const result: TaskResult = {
    ...reply,
    content: [...reply.content],
    failures: [...reply.failures],
    // What is said while nothing has come yet is of the task, not of the footprint.
    beside: reply.content.length > 0 ? [...reply.beside] : [],
  };
  const held = { parts: 1, entries: reply.content.length, bytes: reply.bytes };
  let contentId = placeAfter(reply, '', url);
  let pauseMs = context.settings.taskPollMs;
  let isNew = contentId !== '' && reply.content.length > 0;
  while (!isFinished(reply, result)) {
    checkBounds(held, `${url}: task ${taskId}`);
    if (taskId === undefined) throw new SluiceError(`${url}: the reply has no taskId`, { action: 'retry' });
    const passedMs = performance.now() - startedAtMs;
    const leftMs = context.settings.taskDeadlineMs - passedMs;
    if (leftMs <= 0) {
      const error = late(context, url, taskId, passedMs);
      if (reply.hasMore || result.content.length === 0) throw error;
      result.failures.push(messageOf(error));
      return result;
    }
    if (!isNew) {
      await sleep(Math.min(pauseMs, leftMs), undefined, { signal: context.signal });
      pauseMs = Math.min(pauseMs * 2, context.settings.taskPollMs * SLOWEST_POLL);
    }
    reply = await goOn(context, taskId, contentId);
    held.parts++;
    held.bytes += reply.bytes;
    if (reply.failures.length > 0) result.failures = [...new Set([...result.failures, ...reply.failures])];
    result.serverGuid ??= reply.serverGuid;
    result.serverName ??= reply.serverName;
    result.timeZone ??= reply.timeZone;
    const place = placeAfter(reply, contentId, CONTENT);
    // The same place twice is no progress, whatever it holds.
    isNew = place !== contentId && reply.content.length > 0;
    // Only the last reply may repeat its place, or have none: it ends the task, so nothing grows.
    if (isNew || !isRunning(reply)) {
      for (const entry of reply.content) result.content.push(entry);
      held.entries += reply.content.length;
      if (reply.content.length > 0 && reply.beside.length > 0)
        result.beside = [...new Set([...result.beside, ...reply.beside])];
    }
    contentId = place;
  }
  return result;
}

/** Throws for a task that has no end. */
function checkBounds(held: typeof MOST, task: string): void {
  for (const what of ['parts', 'entries', 'bytes'] as const) {
    if (held[what] <= MOST[what]) continue;
    const advice = 'One task is one endpoint in one investigation, which holds far less: look at it in the console.';
    throw new SluiceError(`${task} brings more than ${MOST[what]} ${what}`, { action: 'reject', advice });
  }
}

/** Where to go on after a reply: at the place that came with content, or with the word that there is more; else where it was asked. */
function placeAfter({ content, hasMore, lastContentId = '' }: TaskReply, before: string, url: string): string {
  if (content.length === 0 && (!hasMore || lastContentId === '')) return before;
  if (hasMore && lastContentId === '') throw garbled(`${url}: there is more, and no lastContentId to go on from`);
  return lastContentId === '' ? before : lastContentId;
}

/** A task that the vendor has forgotten, or whose place it does not take any more, is begun anew. */
async function goOn(context: StreamContext, taskId: string, contentId: string, topN = TOP_N): Promise<TaskReply> {
  const body = { Url: CONTENT, TaskType: TASK_TYPE, TaskId: taskId, ContentId: contentId, TopN: topN };
  try {
    return await request(context, CONTENT, body);
  } catch (error) {
    if (actionOf(error) !== 'reject') throw error;
    const isTooLarge = error instanceof SluiceError && error.isTooLarge;
    if (isTooLarge && topN > 1) return goOn(context, taskId, contentId, Math.floor(topN / 4));
    if (isTooLarge) throw error;
    // With a pause: were it forgotten again and again, each attempt would cost a whole task.
    throw new SluiceError(messageOf(error), { action: 'retry', waitMs: context.settings.snapshotMs, cause: error });
  }
}

function request(context: StreamContext, url: string, body: { [member: string]: Json }): Promise<TaskReply> {
  return context.client.json({
    path: PATH,
    route: url,
    body,
    scope: '',
    priority: context.priority,
    signal: context.signal,
    retry: 'brief',
    accept: (reply, bytes) => readTaskReply(reply, url, bytes),
  });
}

function isFinished(reply: TaskReply, { content, failures }: TaskResult): boolean {
  if (isRunning(reply)) return false;
  if (content.length > 0 || failures.length > 0) return true;
  const progress = progressOf(reply.lastContentId);
  return progress.length > 0 && progress.every(({ total }) => total > 0);
}

/** Whether a reply says itself that there is more to come. */
function isRunning({ hasMore, lastContentId }: TaskReply): boolean {
  return hasMore || progressOf(lastContentId).some(({ total, current }) => total > 0 && current < total);
}

/**
 * What every server says that it has done of all that there is to do; empty when that cannot be read. The text is often
 * no valid JSON, so the two numbers are looked for in it; a total of 0 is said at the beginning, and beside content.
 */
function progressOf(lastContentId: string | undefined): { total: number; current: number }[] {
  if (lastContentId === undefined) return [];
  const numbers = (name: string) =>
    [...lastContentId.matchAll(new RegExp(`"${name}"\\s*:\\s*"?(\\d+)`, 'gi'))].map(([, digits]) => Number(digits));
  const totals = numbers('totalProgress');
  const currents = numbers('currentProgress');
  if (totals.length !== currents.length) return [];
  return totals.map((total, index) => ({ total, current: currents[index] ?? 0 }));
}

function late({ settings }: StreamContext, url: string, taskId: string, passedMs: number): SluiceError {
  return new SluiceError(`${url}: task ${taskId} has not ended after ${Math.round(passedMs / 1000)} s`, {
    action: 'retry',
    waitMs: settings.snapshotMs,
    advice: 'The endpoint may be off; raise reading.task_deadline where endpoints are slow.',
  });
}
