/** The natural language of a rule comes in forms that no JSON parser takes: through the client, with its retries. */
import pino from 'pino';
import { describe, expect, test } from 'vitest';
import { detectionRule } from '../../connectors/cylance/detection-rule.ts';
import { cylance } from '../../connectors/cylance/shared/client.ts';
import type { SourceSettings } from '../../src/api/connector.ts';
import type { HttpReply } from '../../src/api/http.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { contextOf } from './context.ts';

const LISTED = { Id: 'r-1', Version: 1, Name: 'One' };
const CONTENT = { ...LISTED, States: [{ Name: 'A' }] };

describe('natural language that is no JSON', () => {
  const settings = { name: 'acme', connector: 'cylance', region: 'na', tenantId: 't', applicationId: 'a' };
  const token = `x.${Buffer.from(JSON.stringify({ exp: 9e9 })).toString('base64url')}.x`;

  /** What the stream hands on where the vendor answers so, one body after the other, and how often it was asked. */
  async function told(...bodies: string[]) {
    let asked = 0;
    const body = (url: string): string => {
      if (url.endsWith('/auth/v2/token')) return JSON.stringify({ access_token: token });
      if (url.endsWith('/counts')) return JSON.stringify({ DeviceCount: 1 });
      return url.endsWith('/natlang') ? (bodies[asked++] ?? bodies.at(-1) ?? '') : JSON.stringify(CONTENT);
    };
    const http = async ({ url }: { url: string }): Promise<HttpReply> => ({
      ...{ status: 200, headers: new Headers(), body: Buffer.from(body(url)) },
    });
    const client = cylance.open({ ...settings, applicationSecret: () => 's', keepOriginal: false } as SourceSettings, {
      http,
      stream: () => Promise.reject(new Error('not used')),
      secrets: createRedactor().ofSource(),
      retry: { deadlineMs: 5000, firstDelayMs: 1, maxDelayMs: 2 },
      log: pino({ level: 'silent' }),
      now: Date.now,
    });
    const record = await detectionRule.detail?.(contextOf({ client }), 'r-1', LISTED);
    const { NaturalLanguage, Unavailable } = record as Record<string, unknown>;
    return { NaturalLanguage, Unavailable, asked };
  }

  test('is a text, at once where it cannot be anything else', async () => {
    expect(await told('x is y.')).toMatchObject({ NaturalLanguage: 'x is y.', asked: 1 });
    expect(await told('')).toMatchObject({ Unavailable: { NaturalLanguage: 'missing' }, asked: 1 });
  });

  test('is the text that the guide prints, when it comes twice', async () => {
    const printed = `{ "Name": "My Detection Rule", "Paths": [[{"Instigating Process Name is 'a.exe'."}]] }`;
    expect(await told(printed)).toMatchObject({ NaturalLanguage: printed, asked: 2 });
  });

  test('is asked for again when it was cut short, and never taken from a gateway', async () => {
    const whole = { Name: 'One', Paths: [['x is y.']] };
    expect(await told('{"Name":"On', JSON.stringify(whole))).toMatchObject({ NaturalLanguage: whole, asked: 2 });
    const page = await told('<html>Sign in</html>');
    expect(page).toMatchObject({ NaturalLanguage: undefined, Unavailable: { NaturalLanguage: 'failed' }, asked: 3 });
  });
});
