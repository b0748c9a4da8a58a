/** The client of Apex Central by itself: what it signs, and what it makes of each kind of reply. */
import { decodeJwt, jwtVerify } from 'jose';
import pino from 'pino';
import { describe, expect, test } from 'vitest';
import { apexCentral } from '../../connectors/apex-central/client.ts';
import { readTaskReply } from '../../connectors/apex-central/envelope.ts';
import { recordsOf } from '../../connectors/apex-central/events.ts';
import { parseExact } from '../../connectors/apex-central/json.ts';
import { checksumOf } from '../../connectors/apex-central/signature.ts';
import { streams } from '../../connectors/index.ts';
import type { HttpRequest, SourceSettings, VendorRequest } from '../../src/types.ts';
import { documentOf } from '../fixtures/documents.ts';
import { printed, readSamples } from '../fixtures/vendor-samples.ts';

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
  const settings: SourceSettings = {
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
    retry: { deadlineMs: 60_000, firstDelayMs: 1, maxDelayMs: 1 },
    log: pino({ level: 'silent' }),
    now: () => nowMs,
  });
  return { client, sent };
}

function asking<T = unknown>(more: Partial<VendorRequest<T>> = {}): VendorRequest<T> {
  const signal = new AbortController().signal;
  const body = { Url: 'V1/Task/ShowFootPrintTable', TaskType: 4 };
  return {
    path: '/WebApp/X',
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
    { action: 'reject', message: expect.stringContaining('V1/Task/ShowFootPrintTable') },
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
    expect(kept).toMatchObject({ unreadable: malformed, scanSummaryGuid: 'i' });
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
