/** The one table of states: what fails is never called quiet, and what is quiet never failing. */
import { describe, expect, test } from 'vitest';
import { SluiceError } from '../../src/api/errors.ts';
import { DETAIL, HOUR_MS, LIST, MINUTE_MS, walkOf, watchedPipeline } from './watched.ts';

const refused = (status: number) =>
  new SluiceError(`GET ${LIST} answered ${status}`, { action: 'retry', status, advice: 'Look.' });

/** What a list that answers with this status for ever does to a running pipeline, by the minute, while details are answered. */
function listRefuses(status: number, minutes: number) {
  const pipeline = watchedPipeline();
  const { events, refusals, pass } = pipeline;
  events.began(walkOf('live'));
  events.began(walkOf('refresh', 'refresh'));
  events.requesting('live', LIST);
  const states: (string | undefined)[] = [];
  for (let minute = 0; minute < minutes; minute++) {
    refusals.waits(LIST, refused(status));
    const over = events.requesting('refresh', DETAIL);
    refusals.answered(DETAIL);
    over();
    events.walked(walkOf('refresh', 'refresh'));
    pass(MINUTE_MS);
    states.push(pipeline.walk('live')?.state);
  }
  return { ...pipeline, states };
}

describe('a list that answers 503 for ever', () => {
  test('makes its walk and the stream fail within five minutes, while the refresh goes on', () => {
    const { states, walk, stream } = listRefuses(503, 5);
    expect(states).toEqual(['degraded', 'failing', 'failing', 'failing', 'failing']);
    expect(walk('refresh')).toMatchObject({ state: 'healthy', waiting: undefined });
    expect(walk('live')).toMatchObject({ waiting: { for: 'vendor', seconds: 300 } });
    expect(stream()).toMatchObject({
      ...{ state: 'failing', reason: `GET ${LIST} answered 503`, advice: 'Look.' },
      error: { message: `GET ${LIST} answered 503`, advice: 'Look.' },
    });
  });

  test('is failing, not silent, however quiet it makes the stream', () => {
    const { pass, stream, refusals, settle, events } = watchedPipeline({
      expectWithinMs: { 'cylance.detection': HOUR_MS },
    });
    settle(1);
    events.began(walkOf('live'));
    events.requesting('live', LIST);
    refusals.waits(LIST, refused(503));
    pass(1.5 * HOUR_MS);
    refusals.waits(LIST, refused(503));
    expect(stream().state).toBe('failing');
    refusals.answered(LIST);
    settle();
    expect(stream().state).toBe('silent');
    settle(1);
    expect(stream().state).toBe('healthy');
  });

  test('is no failure where the vendor only asks for a slower pace, for a quarter of an hour', () => {
    expect(listRefuses(429, 16).states).toEqual([...Array(14).fill('degraded'), 'failing', 'failing']);
  });

  test('that is over is forgotten', () => {
    const { refusals, walk, settle, stream } = listRefuses(503, 5);
    refusals.answered(LIST);
    settle();
    expect(walk('live')).toMatchObject({ state: 'healthy', waiting: { for: 'vendor' } }); // that request is under way still
    expect(stream()).toMatchObject({ state: 'healthy', error: undefined, reason: undefined });
  });
});

describe('a stream that is quiet', () => {
  test('is silent only beyond what was configured', () => {
    const { settle, pass, stream } = watchedPipeline({ expectWithinMs: { 'cylance.detection': 2 * HOUR_MS } });
    settle(3);
    pass(2 * HOUR_MS);
    settle();
    expect(stream()).toMatchObject({ state: 'healthy', quietSeconds: 7200, expectWithinSeconds: 7200 });
    pass(1000);
    settle();
    expect(stream()).toMatchObject({ state: 'silent', reason: expect.stringContaining('requests succeed') });
  });

  test('from its first start on is silent, too, and never where 0s says so', () => {
    const told = watchedPipeline({ expectWithinMs: { 'cylance.detection': HOUR_MS } });
    const never = watchedPipeline({ expectWithinMs: { 'cylance.detection': 0 } });
    for (const { pass, settle } of [told, never]) {
      settle();
      pass(2 * HOUR_MS);
      settle();
    }
    expect([told.stream().state, never.stream().state]).toEqual(['silent', 'healthy']);
  });

  test('is not guessed to be silent before it is known', () => {
    const { settle, pass, stream } = watchedPipeline();
    settle(1);
    for (let day = 0; day < 6; day++) {
      pass(24 * HOUR_MS);
      settle();
    }
    expect(stream()).toMatchObject({ state: 'healthy', expectWithinSeconds: undefined });
  });
});

describe('what is worth a look', () => {
  test('a lag beyond the objective and a poll', () => {
    const { settle, pass, stream } = watchedPipeline({ objectiveMs: 5 * MINUTE_MS });
    settle(1);
    pass(6 * MINUTE_MS);
    expect(stream()).toMatchObject({ state: 'healthy', lagSeconds: 360, objectiveSeconds: 300 });
    pass(1000);
    expect(stream()).toMatchObject({ state: 'degraded', reason: expect.stringContaining('behind the vendor') });
  });

  test('documents that the sink refused, with what to do about each cause', () => {
    const { rejections, stream, settle, model } = watchedPipeline();
    settle(1);
    const reason = 'mapper_parsing_exception: failed to parse field [host.ip]';
    rejections.push({ type: 'document_parsing_exception', field: 'host.ip', documents: 3, reason, atMs: 0 });
    expect(stream()).toMatchObject({
      state: 'degraded',
      rejections: {
        waiting: 3,
        causes: [
          { cause: 'mapping conflict', field: 'host.ip', documents: 3, suggestion: expect.stringContaining('setup') },
        ],
      },
    });
    expect(model.made().sinks).toMatchObject([{ sink: 'files', rejectionsWaiting: 3, state: 'healthy' }]);
  });

  test('gaps, once they are older than what the next look closes', () => {
    const { events, stream, settle, pass, now } = watchedPipeline();
    const gap = { id: 'a', kind: 'unreadable' as const, range: { fromMs: 0, toMs: 1 }, place: null, reason: 'odd' };
    events.gaps([{ ...gap, sinceMs: now(), nextAtMs: 0, attempts: 0 }]);
    settle(1);
    expect(stream()).toMatchObject({ state: 'healthy', gaps: { count: 1 } });
    pass(15 * MINUTE_MS);
    settle();
    expect(stream()).toMatchObject({ state: 'degraded', reason: expect.stringContaining('1 gap') });
  });
});

test('a pipeline that has stopped, is paused, or waits for a person says so before anything else', () => {
  const { stream, events, refusals, pass, statistics, now } = watchedPipeline();
  refusals.waits(LIST, refused(503));
  pass(HOUR_MS);
  events.blocked({ message: 'the store is full', advice: 'Drop some.' });
  expect(stream()).toMatchObject({ state: 'failing', reason: 'the store is full', waiting: { for: 'person' } });
  events.paused({ source: 'acme', stream: undefined, sinceMs: now() - HOUR_MS, untilMs: undefined, reason: 'a flood' });
  expect(stream()).toMatchObject({
    state: 'paused',
    reason: expect.stringMatching(/paused since .*a flood.*sluice resume/),
  });
  statistics.stopped = { message: 'the scope is missing', advice: 'Grant it.' };
  expect(stream()).toMatchObject({ state: 'stopped', reason: 'the scope is missing', advice: 'Grant it.' });
});

test('since when a state holds is kept as long as it holds', () => {
  const { stream, pass, events, settle } = watchedPipeline();
  const before = stream().since;
  pass(HOUR_MS);
  settle();
  expect(stream().since).toBe(before);
  events.alarmed('the list has 0 records of 20');
  const changed = stream().since;
  expect(Date.parse(changed) - Date.parse(before)).toBe(HOUR_MS);
  pass(MINUTE_MS);
  expect(stream().since).toBe(changed);
});

test('a walk waits for its turn in the rate limit, for an answer, or for the sink', () => {
  const { walk, events, traffic, pass } = watchedPipeline();
  events.began(walkOf('live'));
  const over = events.requesting('live', LIST);
  pass(10_000);
  expect(walk('live')).toMatchObject({ waiting: { for: 'vendor', why: `an answer of ${LIST}`, seconds: 10 } });
  const isItsTurn = traffic.waits();
  pass(10_000);
  expect(walk('live')).toMatchObject({ waiting: { for: 'budget', seconds: 20 } });
  isItsTurn(true);
  over();
  expect(walk('live')?.waiting).toBeUndefined();
  events.asking('live');
  pass(6000);
  expect(walk('live')).toMatchObject({ waiting: { for: 'sink', seconds: 6 } });
});
