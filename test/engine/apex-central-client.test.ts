/** The client of Apex Central by itself: what it signs, and what it makes of each kind of reply. */
import { decodeJwt, jwtVerify } from 'jose';
import pino from 'pino';
import { describe, expect, test } from 'vitest';
import { keyOf, recordsOf } from '../../connectors/apex-central/footprint/events.ts';
import { readParents } from '../../connectors/apex-central/footprint/summaries.ts';
import { apexCentral } from '../../connectors/apex-central/shared/client.ts';
import type { ApexCentralSettings } from '../../connectors/apex-central/shared/config.ts';
import { readTaskReply } from '../../connectors/apex-central/shared/envelope.ts';
import { CONTENT, ENDPOINTS, FOOTPRINTS, LIST } from '../../connectors/apex-central/shared/routes.ts';
import { checksumOf } from '../../connectors/apex-central/shared/signature.ts';
import { runTask } from '../../connectors/apex-central/shared/task.ts';
import { streams } from '../../connectors/index.ts';
import type { VendorRequest } from '../../src/api/client.ts';
import type {} from '../../src/api/connector.ts';
import { SluiceError } from '../../src/api/errors.ts';
import type { HttpRequest } from '../../src/api/http.ts';
import { parseExact } from '../../src/api/records/json.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { documentOf } from '../fixtures/documents.ts';
import { printed, readSamples } from '../fixtures/vendor-samples.ts';
import { clientOf, contextOf } from './context.ts';

describe('the checksum', () => {
  // By hand: printf '%s' '<text>' | openssl dgst -sha256 -binary | base64
  test('of a task: the path in lower case, no headers, the body as it is', () => {
    // PUT|/webapp/osce_ies/osceies/apientry||{"Url":"V1/Task/ShowScanSummaryList","TaskType":4,"Payload":{"pagination":{"offset":0,"limit":1}}}
    const body = '{"Url":"V1/Task/ShowScanSummaryList","TaskType":4,"Payload":{"pagination":{"offset":0,"limit":1}}}';
    const path = '/WebApp/OSCE_iES/OsceIes/ApiEntry';
    expect(checksumOf({ method: 'PUT', path, headers: { 'content-type': 'application/json' }, body })).toBe(
      'N9c6zFpPNd8RGmi6oO2B2CCb0C3B6cTwOAORbWw09P0=',
    );
  });

  test('of a query, in lower case as well, without a body', () => {
    // GET|/webapp/api/agentresource/productagents?host_name=österreich||
    const path = '/WebApp/API/AgentResource/ProductAgents?host_name=ÖSTERREICH';
    expect(checksumOf({ method: 'get', path, headers: {}, body: '' })).toBe(
      'avbAsn8xAgYSA5KhBBzIcY+tA7tHowNc4aP/DC6iaO0=',
    );
  });

  test('of a body outside ASCII', () => {
    // PUT|/a||{"text":"資料"}
    expect(checksumOf({ method: 'PUT', path: '/a', headers: {}, body: '{"text":"資料"}' })).toBe(
      'eto4SbEI14wT8XDwbP9bhetLAqPY+D5HAGWxxc3FYMM=',
    );
  });

  test('of headers: only those that begin with API', () => {
    // PUT|/a|api-one:1|api-two:B|
    const headers = { 'API-Two': 'B', accept: 'x', 'api-one': '1' };
    expect(checksumOf({ method: 'PUT', path: '/a', headers, body: '' })).toBe(
      'ZqYiajkpbSiZN1eZjaFQToCCZ55FOs+/b82IVYyl/VQ=',
    );
  });
});

const KEY = 'a-key-of-the-test';
const WELL = { Data: { Code: 0, Message: 'OK', Data: {} }, Meta: { result: 1, errorCode: 0, errorMessgae: 'Success' } };

/** A client whose replies are given, one after another; the last repeats. */
function connected(replies: { status?: number; body: unknown; date?: string }[], baseUrl = 'https://apex.test') {
  const sent: HttpRequest[] = [];
  let nowMs = Date.parse('2026-01-02T03:04:05Z');
  const settings: ApexCentralSettings = {
    ...{ name: 'apex', connector: 'apex_central', baseUrl, tenantId: 't', applicationId: 'app-1', keepOriginal: false },
    applicationSecret: () => KEY,
  };
  const client = apexCentral.open(settings, {
    http: async (request) => {
      sent.push(request);
      nowMs += 7000;
      const { status = 200, body, date } = replies[Math.min(sent.length, replies.length) - 1] ?? { body: '' };
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      const headers = new Headers(date === undefined ? {} : { date });
      return { status, headers, body: Buffer.from(text) };
    },
    stream: () => Promise.reject(new Error('not used')),
    secrets: createRedactor().ofSource(),
    retry: { deadlineMs: 60_000, firstDelayMs: 1, maxDelayMs: 1 },
    log: pino({ level: 'silent' }),
    now: () => nowMs,
  });
  return { client, sent };
}

function asking<T = unknown>(more: Partial<VendorRequest<T>> = {}): VendorRequest<T> {
  const signal = new AbortController().signal;
  const body = { Url: LIST, TaskType: 4 };
  return {
    path: '/WebApp/X',
    route: LIST,
    body,
    scope: '',
    priority: 'live',
    signal,
    retry: 'few',
    accept: (reply) => reply as T,
    ...more,
  };
}

describe('a request', () => {
  test('is signed for the bytes that are sent, and anew for each attempt', async () => {
    const { client, sent } = connected([{ status: 503, body: '' }, { body: WELL }], 'https://apex.test:8443/Prefix');
    await client.json(asking());
    expect(sent).toHaveLength(2);
    const tokens = sent.map(({ headers }) => headers?.authorization?.replace('Bearer ', '') ?? '');
    for (const [at, token] of tokens.entries()) {
      const { payload, protectedHeader } = await jwtVerify(token, Buffer.from(KEY));
      expect(protectedHeader.alg).toBe('HS256');
      const { method, body = '' } = sent[at] as HttpRequest;
      const checksum = checksumOf({ method, path: '/prefix/webapp/x', headers: {}, body });
      expect(payload).toMatchObject({ appid: 'app-1', version: 'V1', checksum });
    }
    const [first, second] = tokens.map((token) => decodeJwt(token).iat as number);
    expect((second as number) - (first as number)).toBe(7);
    expect(sent[0]).toMatchObject({ method: 'PUT', url: 'https://apex.test:8443/Prefix/WebApp/X' });
    expect(sent[0]?.headers?.['content-type']).toBe('application/json;charset=utf-8');
  });

  test('of a kind that the vendor does not have is a mistake of ours', async () => {
    const { client } = connected([{ body: WELL }]);
    expect(() => client.parts(undefined as never)).toThrow('part by part');
    await expect(client.json(asking({ query: { a: 1 } }))).rejects.toThrow('instead of a query');
  });
});

const busy = 'The server is busy';
const REPLIES: [what: string, reply: unknown, error: Record<string, unknown> | undefined][] = [
  ['a task that went well', WELL, undefined],
  [
    'the other spelling of Meta',
    { Data: { Code: '0' }, Meta: { Result: 1, ErrorCode: 0, ErrorMsg: 'Success' } },
    undefined,
  ],
  ['a result code of 1', { result_code: 1, result_content: [] }, undefined],
  ['a result code of 0 beside Data', { result_code: 0, ...WELL }, undefined],
  [
    'a Data.Code',
    { Data: { Code: 5, Message: busy } },
    { action: 'retry', message: expect.stringContaining(`Data.Code 5: ${busy}`) },
  ],
  [
    'an errorCode',
    { Data: { Code: 0 }, Meta: { result: 1, errorCode: 1012, errorMessgae: busy } },
    { action: 'retry', message: expect.stringContaining(`errorCode 1012: ${busy}`) },
  ],
  [
    'a Result of 0',
    { Data: { Code: 0 }, Meta: { Result: 0, ErrorMsg: busy } },
    { action: 'retry', message: expect.stringContaining(`Meta.result 0: ${busy}`) },
  ],
  [
    'a result code',
    { result_code: -1, result_description: busy },
    { action: 'retry', message: expect.stringContaining(`result_code -1: ${busy}`) },
  ],
  [
    'a parameter that is refused',
    { Data: { Code: 0 }, Meta: { result: 0, errorCode: 1017, errorMsg: 'agentGuid is invalid' } },
    { action: 'reject', message: expect.stringContaining(LIST) },
  ],
  [
    'a permission',
    { result_code: -2, result_description: 'Access denied' },
    { action: 'stop', advice: expect.stringContaining('licence') },
  ],
  [
    'a signature that is refused',
    { result_code: -3, result_description: 'Checksum mismatch' },
    {
      action: 'stop',
      message: expect.stringMatching(
        /^source "apex": Apex Central refused the signature .*HTTP 200, result_code -3\): Checksum mismatch$/,
      ),
    },
  ],
  [
    'an errorCode that is no number',
    { Data: { Code: 0 }, Meta: { result: 1, errorCode: 'E17', errorMsg: busy } },
    { action: 'retry', message: expect.stringContaining(`errorCode E17: ${busy}`) },
  ],
  ['an empty errorCode and a result of true', { Data: { Code: 0 }, Meta: { result: true, errorCode: '' } }, undefined],
  [
    'a result of false',
    { Data: { Code: 0 }, Meta: { result: false, errorMsg: busy } },
    { action: 'retry', message: expect.stringContaining(`Meta.result false: ${busy}`) },
  ],
  [
    'an error message alone',
    { Data: { Code: 0 }, Meta: { errorMessgae: busy } },
    { action: 'retry', message: expect.stringContaining(busy) },
  ],
  ['a message of success alone', { Data: { Code: 0 }, Meta: { errorMessgae: 'Success' } }, undefined],
  [
    'words of a token that are not about ours',
    { Data: { Code: 7, Message: 'the token ring adapter is busy' } },
    { action: 'retry' },
  ],
  ['no envelope', { hello: 1 }, { action: 'retry', message: expect.stringContaining('neither') }],
  ['no JSON', '<html>', { action: 'retry' }],
];

describe('a reply with HTTP 200 that holds', () => {
  test.each(REPLIES)('%s', async (_what, body, error) => {
    const { client, sent } = connected([{ body }]);
    const asked = client.json(asking());
    if (error === undefined) await expect(asked).resolves.toBeDefined();
    else await expect(asked).rejects.toMatchObject(error);
    expect(sent).toHaveLength(error?.action === 'retry' ? 8 : 1);
  });
});

describe("one endpoint's own failure", () => {
  test.each([
    [FOOTPRINTS, 'Access denied'],
    [FOOTPRINTS, 'the checksum of the file is unknown'],
    [CONTENT, 'not licensed'],
    [CONTENT, 'unauthorized'],
  ])('does not stop the others: %s, %s', async (Url, said) => {
    const { client } = connected([{ body: { result_code: -2, result_description: said } }]);
    const asked = client.json(asking({ body: { Url, TaskType: 4 } }));
    await expect(asked).rejects.toMatchObject({ action: 'reject', message: expect.stringContaining(said) });
  });

  test.each([FOOTPRINTS, CONTENT, ENDPOINTS])('is its own with HTTP 403, 404 and 405, too: %s', async (Url) => {
    for (const status of [403, 404, 405]) {
      const { client, sent } = connected([{ status, body: '' }]);
      const asked = client.json(asking({ body: { Url, TaskType: 4 } }));
      await expect(asked).rejects.toMatchObject({ action: 'reject', message: expect.stringContaining(`${status}`) });
      expect(sent).toHaveLength(1);
    }
  });

  test('stops with HTTP 401', async () => {
    const { client } = connected([{ status: 401, body: '' }]);
    const asked = client.json(asking({ body: { Url: FOOTPRINTS, TaskType: 4 } }));
    await expect(asked).rejects.toMatchObject({ action: 'stop' });
  });
});

describe('a refusal', () => {
  test.each([401, 403])('with HTTP %i names key, application and clock, and no token', async (status) => {
    const { client, sent } = connected([
      { status, body: { Message: 'bad token eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.c2ln' } },
    ]);
    const error = await client.json(asking()).catch((caught: unknown) => caught as Error & { advice: string });
    expect(error).toMatchObject({ action: 'stop', advice: expect.stringMatching(/application_id and api_key.*clock/) });
    expect((error as Error).message).toContain(`(HTTP ${status}): bad token [removed]`);
    expect(JSON.stringify(error) + (error as Error).message).not.toMatch(new RegExp(`eyJ|${KEY}`));
    expect(sent).toHaveLength(1);
  });

  test('names the clock where it is wrong', async () => {
    const { client } = connected([{ status: 401, body: '', date: 'Fri, 02 Jan 2026 02:59:12 GMT' }]);
    await expect(client.json(asking())).rejects.toMatchObject({ advice: expect.stringContaining('5 min ahead of') });
  });

  test('of the address names base_url', async () => {
    const { client } = connected([{ status: 404, body: '' }]);
    await expect(client.json(asking())).rejects.toMatchObject({
      action: 'stop',
      advice: expect.stringContaining('base_url'),
    });
  });
});

describe('numbers and texts', () => {
  test('beyond the safe range stay digit by digit, others stay numbers', () => {
    const text = '[6552613549544300799,-9223372036854775808,9007199254740991,-1,1.5,1e300,"6552613549544300799"]';
    expect(parseExact(text)).toEqual([
      ...['6552613549544300799', '-9223372036854775808', 9007199254740991, -1, 1.5, 1e300],
      '6552613549544300799',
    ]);
  });

  const wire = () => {
    const sample = readSamples().find(({ file }) => file === '004-40.json');
    if (sample === undefined) throw new Error('the sample is missing');
    return printed(sample);
  };
  const place = { serverGuid: 's', agentGuid: '654B1B52-C3C9-4405-B133-48E2353DA13B', scanSummaryGuid: 'i' };
  const registered = streams.find(({ stream }) => stream.name === 'apex_central.footprint');
  if (registered === undefined) throw new Error('the stream is not registered');
  const read = (text: string) => recordsOf(readTaskReply(parseExact(text), 'x'), place);
  const link = (document: unknown) =>
    (document as { apex_central: { footprint: { meta_link_id: string } } }).apex_central.footprint.meta_link_id;

  test.each([
    ['a text', (text: string) => text],
    ['a number', (text: string) => text.replaceAll(/"metaLinkId": "(-?\d+)"/g, '"metaLinkId": $1')],
  ])("the guide's metaLinkId arrives digit by digit as %s", (_form, written) => {
    const documents = read(written(wire())).map((record) => documentOf(registered, { about: '', record }));
    expect(documents.map(link)).toEqual(['6552613549544300799', '-2272764769042133456']);
    expect(new Set(documents.map(({ _id }) => _id))).toEqual(
      new Set(read(wire()).map((record) => documentOf(registered, { about: '', record })._id)),
    );
  });

  test('content may be JSON in a text, with line ends in it; what is none is kept', () => {
    const reply = JSON.parse(wire()) as { Data: { Data: { content: { content: unknown }[] } } };
    const [entry] = reply.Data.Data.content;
    const inner = JSON.stringify(entry?.content);
    const withText = (content: string) => {
      reply.Data.Data.content = [{ content }];
      return read(JSON.stringify(reply));
    };
    expect(withText(inner)).toEqual(read(wire()));
    expect(withText(inner.replaceAll('{', '\r\n{'))).toEqual(read(wire()));
    expect(withText(inner.replace('Trend Micro, Inc.', 'Trend\r\nMicro, Inc.'))).toHaveLength(2);
    const malformed = inner.replace(',', ' ');
    const [kept, ...more] = withText(malformed);
    expect(more).toEqual([]);
    expect(kept).toMatchObject({ unreadable: malformed, scanSummaryGuid: 'I' });
    expect(withText('{"rows":[1]}')).toMatchObject([{ unreadable: '{"rows":[1]}' }]);
  });

  test('a part that failed, and servers that did not answer, are told beside what came', () => {
    const data = (more: object) => ({ Data: { Code: 0, Data: { content: [], ...more } } });
    expect(readTaskReply(data({ errorServers: '[]' }), 'x').failures).toEqual([]);
    expect(readTaskReply(data({ errorServers: [{ serverGuid: 'a' }] }), 'x').failures).toHaveLength(1);
    const content = [
      { statusCode: 5, message: 'TMSL_E_AGENT' },
      { statusCode: 0, content: { footprint: [{}] } },
    ];
    const reply = readTaskReply(data({ content }), 'x');
    expect(reply.failures).toEqual(['statusCode 5: TMSL_E_AGENT']);
    expect(reply.content).toHaveLength(1);
  });
});

describe('records', () => {
  const place = { serverGuid: 's', agentGuid: 'a', scanSummaryGuid: 'i' };
  const read = (footprint: unknown[]) =>
    recordsOf(readTaskReply({ Data: { Code: 0, Data: { content: [{ content: { footprint } }] } } }, 'x'), place);
  const node = { objectId: '1', parentId: '0', event: [{ eventId: '2', metaLinkId: '3' }] };

  test('of entries without ids are kept as unreadable, and the others are read', () => {
    const records = read([{}, null, 'text', { event: [{ objectName: 'x' }, { objectName: 'y' }] }, node]);
    expect(records.filter(({ unreadable }) => unreadable === undefined)).toHaveLength(1);
    expect(records.flatMap(({ unreadable }) => unreadable ?? [])).toEqual([
      ...['{}', 'null', '"text"', '{"event":[{"objectName":"x"},{"objectName":"y"}]}'],
    ]);
  });

  test('hold the GUIDs in one case, however they were spelled', () => {
    const shouted = { serverGuid: 'S', agentGuid: 'A', scanSummaryGuid: 'I' };
    const result = readTaskReply(
      { Data: { Data: { serverGuid: 's', content: [{ content: { footprint: [node] } }] } } },
      'x',
    );
    expect(recordsOf(result, shouted)).toEqual(recordsOf(result, place));
    expect(recordsOf(result, place)).toMatchObject([shouted]);
  });

  test('of one key that differ are both kept, whatever their order; what is the same is there once', () => {
    const events = [1, 12, 12].map((operationType) => ({ eventId: '2', metaLinkId: '3', operationType }));
    const one = read([{ ...node, event: events }]);
    const other = read([{ ...node, event: events.toReversed() }]);
    expect(one).toEqual(other);
    expect(one.map((record) => [keyOf(record), record.operationType])).toEqual([
      ['i/a/0/1/2/3', 1],
      ['i/a/0/1/2/3/2', 12],
    ]);
  });
});

describe('content', () => {
  const entries = (content: unknown) => readTaskReply({ Data: { Code: 0, Data: { content } } }, 'x').content;
  const footprint = [{ objectId: '1' }];

  test.each<[string, unknown]>([
    ['as documented', [{ statusCode: 0, content: { footprint } }]],
    ['without the inner content', [{ footprint }]],
    ['as a text', [JSON.stringify({ footprint })]],
    ['as a text with the inner content', [JSON.stringify({ statusCode: 0, content: { footprint } })]],
  ])('is read %s', (_form, content) => {
    expect(entries(content)).toEqual([{ kind: 'content', content: { footprint } }]);
  });

  test('that is no JSON, or of another shape, does not vanish', () => {
    expect(entries(['{"footprint'])).toEqual([{ kind: 'unreadable', text: '{"footprint' }]);
    expect(entries([{ rows: [1] }])).toEqual([{ kind: 'content', content: { rows: [1] } }]);
  });

  test.each<[string, unknown]>([
    ['empty lists and a count', [{ content: { footprint: [], metaProperty: [], group: [], totalCount: 0 } }]],
    ['a status alone', [{ statusCode: 0, message: 'TMSL_S_SUCCESS' }]],
    ['null', [{ serverGuid: 's', content: null }, null]],
  ])('is none with %s', (_what, content) => {
    expect(entries(content)).toEqual([]);
  });
});

/** A stream's context whose replies are given, as the inner `Data`; the last repeats. Time passes only by pauses. */
function scripted(replies: (object | Error)[], taskDeadlineMs = 40) {
  const asked: unknown[] = [];
  const warned: unknown[] = [];
  const json = async ({ body, accept }: VendorRequest<unknown>) => {
    asked.push(body);
    const reply = replies[Math.min(asked.length, replies.length) - 1] as object | Error;
    if (reply instanceof Error) throw reply;
    return accept({ Data: { Code: 0, Data: reply } });
  };
  const context = contextOf({
    client: clientOf({ json }),
    settings: { taskPollMs: 1, taskDeadlineMs, snapshotMs: 60_000, pageSize: 10 },
    log: pino({ level: 'warn' }, { write: (line) => void warned.push(JSON.parse(line).msg) }),
  });
  return { asked, warned, context };
}

describe('a task', () => {
  const part = (objectId: string) => [{ statusCode: 0, content: { footprint: [{ objectId }] } }];
  const at = (total: number, current: number) => `[{"x": 1 "totalProgress": ${total}, "currentProgress": ${current}}]`;
  const reply = (more: object) => ({ taskId: 't', hasMore: false, content: [], ...more });

  test('with work to do goes on, whatever content came', async () => {
    const { asked, context } = scripted([
      reply({ content: part('1'), lastContentId: at(2, 1) }),
      reply({ lastContentId: at(2, 1) }),
      reply({ content: part('2'), lastContentId: at(2, 2) }),
    ]);
    expect((await runTask(context, FOOTPRINTS, {})).content).toHaveLength(2);
    expect(asked.slice(1)).toMatchObject([{ ContentId: at(2, 1) }, { ContentId: at(2, 1) }]);
  });

  test('with content and a total of 0 has ended, as the guide shows it', async () => {
    const { asked, context } = scripted([reply({ content: part('1'), lastContentId: at(0, 0) })]);
    expect((await runTask(context, FOOTPRINTS, {})).failures).toEqual([]);
    expect(asked).toHaveLength(1);
  });

  test('that never gets through its work delivers what came, as a failure in part', async () => {
    const { context } = scripted([reply({ content: part('1'), lastContentId: at(2, 1) })]);
    const { content, failures } = await runTask(context, FOOTPRINTS, {});
    expect(content).toHaveLength(1);
    expect(failures).toEqual([expect.stringContaining('has not ended')]);
  });

  test('that never ends is given up in time, though the clock is set back meanwhile', async () => {
    const { asked, context } = scripted([reply({ hasMore: true, lastContentId: 'p' })], 60);
    const clock = { ...context, now: () => Date.now() - (asked.length > 1 ? 365 * 86_400_000 : 0) };
    await expect(runTask(clock, FOOTPRINTS, {})).rejects.toMatchObject({ action: 'retry' });
  }, 10_000);

  test('that stays at its place is asked with pauses, and does not grow', async () => {
    const { asked, context } = scripted([reply({ content: part('1'), hasMore: true, lastContentId: 'p' })], 60);
    await expect(runTask(context, FOOTPRINTS, {})).rejects.toMatchObject({ action: 'retry', waitMs: 60_000 });
    expect(asked.length).toBeLessThan(20);
  });

  test('that announces more and no place to go on from is garbled', async () => {
    const { asked, context } = scripted([reply({ content: part('1'), hasMore: true, lastContentId: { a: 1 } })]);
    await expect(runTask(context, FOOTPRINTS, {})).rejects.toMatchObject({
      action: 'retry',
      message: expect.stringContaining('lastContentId'),
    });
    expect(asked).toHaveLength(1);
  });

  test('goes on behind a part that holds nothing, where more is announced', async () => {
    const { asked, context } = scripted([
      reply({ content: [{ statusCode: 0, content: null }], hasMore: true, lastContentId: 'p' }),
      reply({ content: part('2'), lastContentId: 'q' }),
    ]);
    expect((await runTask(context, FOOTPRINTS, {})).content).toHaveLength(1);
    expect(asked.slice(1)).toMatchObject([{ ContentId: 'p' }]);
  });

  test('whose last part has no place of its own, or the one before, is read whole', async () => {
    for (const lastContentId of [undefined, 'p']) {
      const { context } = scripted([
        reply({ content: part('1'), hasMore: true, lastContentId: 'p' }),
        reply({ content: part('2'), lastContentId }),
      ]);
      expect((await runTask(context, FOOTPRINTS, {})).content).toHaveLength(2);
    }
  });

  test('that the vendor has forgotten is put off', async () => {
    const forgotten = new SluiceError('task not found', { action: 'reject' });
    const { context } = scripted([reply({}), forgotten]);
    await expect(runTask(context, FOOTPRINTS, {})).rejects.toMatchObject({ action: 'retry', waitMs: 60_000 });
  });
});

describe('the list of summaries', () => {
  const whole = { scanSummaryGuid: 'I', serverGuid: 'S', agents: [{ agentGuid: 'A' }] };
  const parents = async (summaries: unknown[]) => {
    const content = [{ content: { totalCount: summaries.length, scanSummary: summaries } }];
    const { context, warned } = scripted([{ hasMore: false, content }]);
    const { children, whole: isWhole } = await readParents(context);
    return { keys: children.map(({ key }) => key), isWhole, warned };
  };

  test('is read all the same where one has no GUID', async () => {
    const { keys, isWhole, warned } = await parents([{ serverGuid: 'S', agents: ['B'] }, whole]);
    expect([keys, isWhole]).toEqual([['s/a/i'], false]);
    expect(warned).toEqual([expect.stringContaining('no GUID')]);
  });

  test('that names no endpoints asks for them, once while it stays as it is', async () => {
    const summary = {
      ...{ scanSummaryGuid: 'J', status: 3, scanType: 2, agentCount: 2, serverGuidList: ['S'] },
      progressInfo: { pendingCount: 0 },
    };
    const listed = (content: object) => ({ hasMore: false, content: [{ statusCode: 0, content }] });
    const pagination = { offset: 0, limit: 10, total: 1 };
    const summaries = (one: object) =>
      listed({ scanSummaryEntity: [one, whole], pagination: { ...pagination, total: 2 } });
    const endpoint = { agentGuid: 'B', serverGuid: 'T', machineName: 'WKS-0042', ip: '10.20.0.11', isOnline: false };
    const endpoints = (...list: object[]) =>
      listed({ scanEntity: list, pagination: { ...pagination, total: list.length } });
    const both = endpoints(endpoint, { agentGuid: 'C', machineOS: 'Windows Server 2019' });
    const { context, asked, warned } = scripted([
      ...[summaries(summary), summaries(summary), both, both],
      ...[summaries(summary), summaries(summary)],
      ...[summaries({ ...summary, status: 1 }), summaries({ ...summary, status: 1 })],
      ...[endpoints(endpoint), endpoints(endpoint)],
    ]);
    const first = await readParents(context);
    expect(asked[0]).toMatchObject({ Payload: { pagination: { offset: 0, limit: 10 }, scanType: [0, 1, 2, 3, 6] } });
    expect(asked[2]).toMatchObject({
      Url: 'V1/Task/ShowScanListByScanSummaryGuid',
      Payload: { scanType: 2, scanSummaryGuid: ['J'] },
    });
    expect(JSON.stringify(asked[2])).not.toContain('scanStatus');
    expect(first).toMatchObject({
      whole: true,
      children: [
        { key: 't/b/j', complete: true, facts: { endpoint: { machineName: 'WKS-0042', ip: '10.20.0.11' } } },
        { key: 's/c/j', facts: { endpoint: { machineOS: 'Windows Server 2019' } } },
        { key: 's/a/i' },
      ],
    });
    expect(await readParents(context)).toEqual(first);
    expect(asked).toHaveLength(6);
    const running = await readParents(context);
    expect(running.whole).toBe(false); // one of its two endpoints is missing
    expect(running.children.map(({ key, complete }) => [key, complete])).toEqual([
      ['t/b/j', false],
      ['s/a/i', true],
    ]);
    expect(warned).toEqual([expect.stringContaining('has 2 endpoints, but only 1')]);
  });

  test('that is refused without scanStatus is asked for with each', async () => {
    const refusal = new SluiceError('invalid scanStatus', { action: 'reject' });
    const content = (list: object) => ({ hasMore: false, content: [{ statusCode: 0, content: list }] });
    const summary = { scanSummaryGuid: 'J', status: 3, serverGuidList: ['S'] };
    const listed = content({ scanSummaryEntity: [summary], pagination: { total: 1 } });
    const at = (name?: string) =>
      content({
        scanEntity: name === undefined ? [] : [{ agentGuid: name }],
        pagination: { total: name === undefined ? 0 : 1 },
      });
    const byStatus = ['A', undefined, 'B', undefined, undefined, undefined, 'C'].flatMap((name) => [
      at(name),
      at(name),
    ]);
    const { context, asked } = scripted([
      ...[listed, listed],
      ...Array.from({ length: 4 }, () => refusal), // the page, both halves of it, and the page once more
      ...byStatus,
    ]);
    const { children } = await readParents(context);
    expect(children.map(({ key }) => key)).toEqual(['s/a/j', 's/b/j', 's/c/j']);
    expect(asked.at(-1)).toMatchObject({ Payload: { scanStatus: 6 } });
  });

  test.each([0, 1, 2, 3, 4, 5, 6])('with status %i waits only while it runs', async (status) => {
    const { context } = scripted([
      { hasMore: false, content: [{ content: { totalCount: 1, scanSummary: [{ ...whole, status }] } }] },
    ]);
    const { children } = await readParents(context);
    expect(children.map(({ complete }) => complete)).toEqual([status > 1]);
  });

  test('may be empty', async () => {
    const pagination = { offset: 0, limit: 10, total: 0 };
    const { context, warned } = scripted([
      { hasMore: false, content: [{ content: { scanSummaryEntity: [], pagination } }] },
    ]);
    expect(await readParents(context)).toEqual({ children: [], whole: true });
    expect(warned).toEqual([]);
  });
});

describe('the endpoints of a summary', () => {
  const two = [
    { agentGuid: 'A', serverGuid: 'S' },
    { agentGuid: 'B', serverGuid: 'S' },
  ];

  /** What becomes of one summary and the endpoints that its list has; `total` stands in place of their number. */
  async function read(more: object, endpoints: object[] = two, total?: unknown) {
    const warned: string[] = [];
    const summary = { scanSummaryGuid: 'I', status: 3, agentCount: endpoints.length, serverGuidList: ['S'], ...more };
    const json = async ({ body, accept }: VendorRequest<unknown>) => {
      const { Url, Payload } = body as unknown as { Url: string; Payload: { pagination: Record<string, number> } };
      const { offset = 0, limit = 0 } = Payload.pagination;
      const [name, list] = Url === LIST ? ['scanSummaryEntity', [summary]] : ['scanEntity', endpoints];
      const pagination = { total: Url === LIST || total === undefined ? list.length : total };
      const content = [{ statusCode: 0, content: { [name]: list.slice(offset, offset + limit), pagination } }];
      return accept({ Data: { Code: 0, Data: { hasMore: false, content } } });
    };
    const log = pino({ level: 'warn' }, { write: (line) => void warned.push(JSON.parse(line).msg) });
    const settings = { pageSize: 10 };
    const { children, whole } = await readParents(contextOf({ client: clientOf({ json }), settings, log }));
    return { keys: children.map(({ key }) => key), whole, warned };
  }

  test.each([-1, '-1', 0, null])('are read to the end where their total is %j, which is none', async (total) => {
    const many = Array.from({ length: 25 }, (_, at) => ({ agentGuid: `A${at}`, serverGuid: 'S' }));
    const { keys, whole, warned } = await read({}, many, total);
    expect(keys).toHaveLength(25);
    expect([whole, warned]).toEqual([true, []]);
  });

  test.each<object>([
    ...[{ agents: [] }, { agentGuid: '' }, { agentGuid: ' ' }, { endpoints: '[]' }, { endpoints: {} }],
    ...[{ endpoints: 2 }, { endpoints: '2' }],
  ])('are asked for where it names none: %j', async (more) => {
    expect(await read(more)).toEqual({ keys: ['s/a/i', 's/b/i'], whole: true, warned: [] });
  });

  test.each<[string, object, object[]?]>([
    ['no server', { serverGuidList: [] }, [{ agentGuid: 'A', serverGuid: 'S' }, { agentGuid: 'B' }]],
    ['no GUID', { agentCount: undefined }, [{ agentGuid: 'A', serverGuid: 'S' }, { serverGuid: 'S' }]],
    ['no GUID in the summary', { agents: ['A', {}] }],
    ['null in the summary', { agents: ['A', null] }],
  ])('harm no other where one has %s', async (_what, more, endpoints) => {
    const { keys, whole, warned } = await read(more, endpoints);
    expect([keys, whole]).toEqual([['s/a/i'], false]);
    expect(warned).toEqual([expect.stringMatching(/1 endpoints of scan summary I have no (?:GUID|server)/)]);
  });
});

describe('nothing inside a footprint vanishes', () => {
  const event = {
    ...{ eventId: '2', metaLinkId: '65', objectType: 2, objectName: 'a.exe', timestamp: 1539930386, own: 'KEPT' },
    meta: [{ metaHashId: '-2', metaType: 105, isMatched: 'LOST1' }],
  };
  const content = {
    footprint: [{ objectId: '1', parentId: '0', event: [event], groupNo: 1, unheard: 'LOST2' }],
    metaProperty: [
      { metaHashId: '-2', metaValue: 'a.exe', remark: 'LOST3' },
      { metaHashId: '999', metaValue: 'LOST4' },
    ],
    ...{
      group: [{ groupNo: 1, timestamp: 1539930320 }],
      ioc: [{ name: 'LOST5' }],
      agentInfo: { machineName: 'LOST6' },
    },
  };
  const place = { serverGuid: 'S', agentGuid: 'A', scanSummaryGuid: 'I' };
  const read = (value: object) =>
    recordsOf(readTaskReply({ Data: { Code: 0, Data: { content: [{ statusCode: 0, content: value }] } } }, 'x'), place);
  const footprint = streams.find(({ stream }) => stream.name === 'apex_central.footprint') as (typeof streams)[number];

  test('members and lists that nobody documented, and properties that nothing points to, are in the documents', () => {
    const records = read(content);
    const texts = records.map((record) => JSON.stringify(documentOf(footprint, { about: '', record }))).join('\n');
    for (const mark of ['KEPT', 'LOST1', 'LOST2', 'LOST3', 'LOST4', 'LOST5', 'LOST6']) expect(texts).toContain(mark);
    expect(records).toHaveLength(3);
  });

  test('two values of one hash, two remarks and two groups of one number are all kept, in whatever order they come', () => {
    const twice = {
      ...content,
      metaProperty: [...content.metaProperty, { metaHashId: '-2', metaValue: 'LOST7', remark: 'LOST8' }],
      group: [...content.group, { groupNo: 1, timestamp: 1539930320, name: 'LOST9' }],
    };
    const turned = { ...twice, metaProperty: twice.metaProperty.toReversed(), group: twice.group.toReversed() };
    const [one, other] = [twice, turned].map((value) =>
      read(value).map((record) => JSON.stringify(documentOf(footprint, { about: '', record }))),
    );
    for (const mark of ['a.exe', 'LOST3', 'LOST7', 'LOST8', 'LOST9']) expect(one?.join('\n')).toContain(mark);
    expect(other?.toSorted()).toEqual(one?.toSorted());
  });

  test('400,000 entries do not end the process', () => {
    const { footprint: _one, ...others } = content;
    const many = Array.from({ length: 400_000 }, (_, at) => ({ objectId: String(at), parentId: '0', event: [] }));
    expect(read({ ...others, footprint: many }).length).toBeGreaterThan(400_000);
  });

  test('what is known of the endpoint is in its documents, and no part of the revision', () => {
    const endpoint = {
      machineName: 'WKS-0042',
      ip: '10.20.0.11',
      userName: 'WKS-0042\\analyst',
      machineOS: 'Windows 11',
    };
    const [record] = recordsOf(
      readTaskReply({ Data: { Code: 0, Data: { content: [{ content }] } } }, 'x'),
      place,
      endpoint,
    );
    const document = documentOf(footprint, { about: '', record });
    expect(document).toMatchObject({
      host: { name: 'WKS-0042', ip: ['10.20.0.11'], os: { full: 'Windows 11', type: 'windows' } },
      user: { domain: 'WKS-0042', name: 'analyst' },
    });
    const { endpoint: _endpoint, ...without } = record as Record<string, unknown>;
    expect(documentOf(footprint, { about: '', record: without })._id).toBe(document._id);
  });
});

describe('a footprint', () => {
  const place = { serverGuid: 'S', agentGuid: 'A', scanSummaryGuid: 'I' };
  const footprint = streams.find(({ stream }) => stream.name === 'apex_central.footprint') as (typeof streams)[number];
  type Loose = Record<string, unknown>;

  /** A reply of its own for each call, to be changed. */
  const replyOf = () => {
    const rating: unknown = { score: 3 };
    const event: Loose = {
      ...{ eventId: '2', metaLinkId: '65', objectType: 2, objectName: 'a.exe', timestamp: 1539930386, rating },
      meta: [{ metaHashId: '-2', metaType: 105 }],
    };
    const node: Loose = { objectId: '1', parentId: '0', event: [event], groupNo: 1 };
    const content = {
      footprint: [node] as unknown[],
      metaProperty: [
        { metaHashId: '-2', metaValue: 'a.exe' },
        { metaHashId: '-3', metaValue: 'x' },
        { metaHashId: '-4', metaValue: 'y' },
      ] as unknown[],
      group: [{ groupNo: 1, timestamp: 1539930320 }] as unknown[],
    } as { footprint: unknown[]; metaProperty: unknown[]; group: unknown[] } & Loose;
    Object.assign(content, { ioc: [{ name: 'b', kind: 'a' }], agentInfo: { name: 'c' } });
    const entry: Loose = { statusCode: 0, message: 'TMSL_S_SUCCESS', content };
    const data: Loose = { content: [entry] };
    return { event, node, content, entry, data };
  };
  type Reply = ReturnType<typeof replyOf>;

  function read(change: (reply: Reply) => void = () => {}) {
    const reply = replyOf();
    change(reply);
    const records = recordsOf(readTaskReply({ Data: { Code: 0, Data: reply.data } }, 'x'), place);
    return records.map((record) => documentOf(footprint, { about: '', record }) as Loose & { _id: string });
  }
  const ids = (change?: (reply: Reply) => void) => read(change).map(({ _id }) => _id);

  const renamed = (from: Loose, name: string, to: string) => {
    from[to] = from[name];
    delete from[name];
  };
  test.each<[string, (reply: Reply) => void]>([
    ['EventId', ({ event }) => renamed(event, 'eventId', 'EventId')],
    ['MetaLinkId', ({ event }) => renamed(event, 'metaLinkId', 'MetaLinkId')],
    ['Meta', ({ event }) => renamed(event, 'meta', 'Meta')],
    ['null in a fact', ({ event }) => Object.assign((event.meta as Loose[])[0] as Loose, { isMatched: null })],
    ['a fact that says nothing', ({ event }) => (event.meta as Loose[]).push({})],
    ['"" in a property', ({ content }) => Object.assign(content.metaProperty[0] as Loose, { isMatched: '' })],
    ['[] in a property', ({ content }) => Object.assign(content.metaProperty[0] as Loose, { isMatched: [] })],
    ['nothing beside the lists', ({ content }) => Object.assign(content, { zz: null, more: [], deep: { x: null } })],
    ['another order of properties', ({ content }) => content.metaProperty.reverse()],
    [
      'another order of members beside the lists',
      ({ content }) => {
        const { ioc } = content;
        delete content.ioc;
        Object.assign(content, { ioc: (ioc as Loose[]).map(({ name, kind }) => ({ kind, name })) });
      },
    ],
  ])('is the same with %s', (_what, change) => {
    expect(ids(change)).toEqual(ids());
  });

  test.each<[string, (reply: Reply) => void]>([
    ['a group that no entry refers to', ({ content }) => content.group.push({ groupNo: 7, label: 'LOST' })],
    ['a group without a number', ({ content }) => content.group.push({ label: 'LOST' })],
    ['a second group of one number', ({ content }) => content.group.push({ groupNo: 1, label: 'LOST' })],
    ['a group that is a text', ({ content }) => content.group.push('LOST')],
    ['a property without an id', ({ content }) => content.metaProperty.push({ metaValue: 'LOST' })],
    ['a remark without a value', ({ content }) => content.metaProperty.push({ metaHashId: '9', note: 'LOST' })],
    [
      'a remark that nothing points to',
      ({ content }) => content.metaProperty.push({ metaHashId: '9', metaValue: 'v', note: 'LOST' }),
    ],
    ['an object', ({ content }) => Object.assign(content.metaProperty[0] as Loose, { metaValue: { a: 'LOST' } })],
    ['a list', ({ content }) => Object.assign(content.metaProperty[0] as Loose, { metaValue: ['LOST'] })],
    ['a property that is a text', ({ content }) => content.metaProperty.push('LOST')],
    ['a second value', ({ content }) => content.metaProperty.push({ metaHashId: '-2', metaValue: 'LOST' })],
    ['facts that are no JSON', ({ event }) => Object.assign(event, { meta: 'LOST' })],
    ['a fact that is a text', ({ event }) => (event.meta as unknown[]).push('LOST')],
    ['a hash that is an object', ({ event }) => (event.meta as unknown[]).push({ metaHashId: { a: 'LOST' } })],
    ['a type that is an object', ({ event }) => (event.meta as unknown[]).push({ metaType: { a: 'LOST' } })],
    ['a rating that is a text', ({ event }) => Object.assign(event, { rating: 'LOST' })],
    ['a rating that is a list', ({ event }) => Object.assign(event, { rating: ['LOST'] })],
    ['a metaLinkId that is an object', ({ event }) => Object.assign(event, { metaLinkId: { a: 'LOST' } })],
    ['a parentId that is an object', ({ node }) => Object.assign(node, { parentId: { a: 'LOST' } })],
    ...['parent', 'group', 'more', 'footprint', 'unreadable', 'serverName', 'AgentGuid'].map(
      (name): [string, (reply: Reply) => void] => [
        `an event's own ${name}`,
        ({ event }) => Object.assign(event, { [name]: 'LOST' }),
      ],
    ),
    ['a second spelling', ({ event }) => Object.assign(event, { EventId: 'LOST' })],
    ['a member beside content', ({ entry }) => Object.assign(entry, { agentInfo: 'LOST' })],
    ['a message of its own', ({ entry }) => Object.assign(entry, { message: 'LOST' })],
    ['a member beside the list of content', ({ data }) => Object.assign(data, { extra: 'LOST' })],
  ])('keeps %s', (_what, change) => {
    expect(JSON.stringify(read(change))).toContain('LOST');
  });

  test('of many facts and many children takes no longer than it is long', () => {
    const facts = Array.from({ length: 1500 }, (_, at) => ({ metaHashId: String(at), metaType: 900 + (at % 10) }));
    const children = Array.from({ length: 3000 }, (_, at) => ({ objectId: `c${at}`, parentId: '1', event: [] }));
    const reply = replyOf();
    Object.assign(reply.event, { meta: facts });
    reply.content.footprint.push(...children);
    const records = recordsOf(readTaskReply({ Data: { Code: 0, Data: reply.data } }, 'x'), place);
    const [one, other] = records.filter(({ parent }) => parent !== undefined) as { parent: { meta: unknown[] } }[];
    expect(one?.parent.meta).toHaveLength(1000);
    expect(one?.parent).toBe(other?.parent);
    expect(documentOf(footprint, { about: '', record: one })).toMatchObject({
      tags: expect.arrayContaining(['content_is_cut']),
      apex_central: { footprint: { unfit: { 'apex_central.footprint.parent.meta.cut': '1000 of 1500' } } },
    });
  });

  test('with 40,000 facts of one type, whatever the type is called, is mapped in the time of reading it', () => {
    const meta = Array.from({ length: 40_000 }, (_, at) => ({ metaType: 'constructor', metaValue: `v${at}` }));
    const startedAt = performance.now();
    const document = documentOf(footprint, {
      about: '',
      record: { agentGuid: 'a', footprint: { objectId: '1' }, meta },
    });
    expect(performance.now() - startedAt).toBeLessThan(5000);
    const { constructor: values } = (document as unknown as { apex_central: { footprint: { meta: Loose } } })
      .apex_central.footprint.meta;
    expect((values as unknown as string[])[0]).toBe('v0');
  });

  test.each([true, 'true', 1, '1'])('names the node above by the event that is marked with %j', (isSymbolEvent) => {
    const documents = read(({ node, event, content }) => {
      node.event = [
        { ...event, eventId: '5', objectName: 'first.exe', meta: [] },
        { ...event, eventId: '9', objectName: 'marked.exe', meta: [], isSymbolEvent },
      ];
      content.footprint.push({ objectId: '3', parentId: '1', event: [{ ...event, eventId: '11' }] });
    });
    const child = documents.find(({ message }) => String(message).includes('below'));
    expect(child).toMatchObject({ process: { parent: { name: 'marked.exe' } } });
  });

  test.each([
    [[], { name: 'bob', domain: 'CORP' }],
    [[{ metaType: 302, metaValue: 'HQ' }], { name: 'bob', domain: 'HQ' }],
  ])('splits the user from the domain, where that is not said beside it: %j', (more, user) => {
    const meta = [{ metaType: 300, metaValue: 'CORP\\bob' }, ...more];
    const document = documentOf(footprint, {
      about: '',
      record: { agentGuid: 'a', objectType: 2, footprint: { objectId: '1' }, meta },
    });
    expect(document).toMatchObject({ user, related: { user: ['bob'] } });
  });
});
