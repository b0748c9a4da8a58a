/**
 * Runs a task at the vendor: it is started, may have no content for a while, and then returns it in parts (Automation
 * API guide, "ShowFootPrintTable": "The API response may return empty results if the task specified is still ongoing",
 * and "ShowContent").
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { actionOf, type Json, messageOf, SluiceError, type StreamContext } from '../../../src/index.ts';
import { garbled, readTaskReply, type TaskReply } from './envelope.ts';
import { CONTENT, PATH, TASK_TYPE } from './routes.ts';

/** The number of records that are requested in one part; fewer if the vendor's reply is too large. */
const TOP_N = 1000;
/** The most content of one task, all of which is in memory at the same time. */
const MOST = { parts: 2000, entries: 200_000, bytes: 16 * 1024 * 1024 };
const SLOWEST_POLL = 10;

/** The whole content of a task, with the unknown members of its replies. */
export type TaskResult = Pick<
  TaskReply,
  'taskId' | 'serverGuid' | 'serverName' | 'timeZone' | 'content' | 'failures' | 'beside'
>;

/**
 * Starts a task and reads it to its end. All parts are kept, since an entry may refer to one in another part; one task has
 * the footprints of one endpoint in one investigation.
 *
 * `hasMore: false` without any content is no end: a task that is still running answers so. Such a task has ended when its
 * progress says so, as far as that can be read; a task whose progress shows work to do has not, whatever came. A task that
 * has not ended after `taskDeadlineMs` throws `retry` with a pause, since a new task would be as slow; if content came and
 * no more was announced, the content is returned with a failure. `failures` has the vendor's words on parts that failed.
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
    // Unknown members of replies without content belong to the task, not to the footprint.
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
    // The same place twice is no progress, whatever the reply holds.
    isNew = place !== contentId && reply.content.length > 0;
    // Only the last reply may repeat its place, or have none; the content then stops growing.
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

/** The place to go on from after a reply: its own if it has content or announces more, else the one that was requested. */
function placeAfter({ content, hasMore, lastContentId = '' }: TaskReply, before: string, url: string): string {
  if (content.length === 0 && (!hasMore || lastContentId === '')) return before;
  if (hasMore && lastContentId === '') throw garbled(`${url}: there is more, and no lastContentId to go on from`);
  return lastContentId === '' ? before : lastContentId;
}

/** Requests the next part. A task that the vendor has forgotten, or whose place it does not accept any more, is begun anew. */
async function goOn(context: StreamContext, taskId: string, contentId: string, topN = TOP_N): Promise<TaskReply> {
  const body = { Url: CONTENT, TaskType: TASK_TYPE, TaskId: taskId, ContentId: contentId, TopN: topN };
  try {
    return await request(context, CONTENT, body);
  } catch (error) {
    if (actionOf(error) !== 'reject') throw error;
    const isTooLarge = error instanceof SluiceError && error.isTooLarge;
    if (isTooLarge && topN > 1) return goOn(context, taskId, contentId, Math.floor(topN / 4));
    if (isTooLarge) throw error;
    // With a pause: if the vendor forgets tasks again and again, each attempt costs a whole task.
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

/** Whether a reply announces more content. */
function isRunning({ hasMore, lastContentId }: TaskReply): boolean {
  return hasMore || progressOf(lastContentId).some(({ total, current }) => total > 0 && current < total);
}

/**
 * The finished and the total work of every server; empty if they cannot be read. The text is often no valid JSON, so the two
 * numbers are searched in it; servers report a total of 0 at the beginning, and beside content.
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
