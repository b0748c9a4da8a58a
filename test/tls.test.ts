/** What the failure of a connection says about TLS. */
import { describe, expect, test } from 'vitest';
import { authoritiesWith, plainly, portHint, tlsTrouble, wantsTls } from '../src/net/tls.ts';

const SETTINGS = { ca: 'THE_CA', address: 'THE_ADDRESS', on: 'SWITCH_IT_ON', off: 'SWITCH_IT_OFF' };
const NOT_TLS =
  '407D8D62D37F0000:error:0A00010B:SSL routines:tls_validate_record_header:wrong version number:../deps/openssl/openssl/ssl/record/methods/tlsany_meth.c:77:\n';

describe('a failure', () => {
  const cases: [said: string, advice: RegExp, lasts: boolean][] = [
    ['CERT_HAS_EXPIRED request failed', /renewed/, false],
    ['certificate has expired', /renewed/, false],
    ['CERT_NOT_YET_VALID certificate is not yet valid', /clock/, false],
    [
      "Hostname/IP does not match certificate's altnames: Host: a. is not in the cert's altnames: DNS:b",
      /THE_ADDRESS/,
      true,
    ],
    ['ERR_TLS_CERT_ALTNAME_INVALID', /THE_ADDRESS/, true],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', /THE_CA/, true],
    ['Connection error: self-signed certificate in certificate chain', /THE_CA/, true],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY unable to get local issuer certificate', /THE_CA/, true],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED tlsv13 alert certificate required', /Sluice has none/, true],
    [NOT_TLS, /SWITCH_IT_OFF/, false],
    ['EPROTO ssl3_get_record:packet length too long', /SWITCH_IT_OFF/, false],
  ];
  test.each(cases)('%s', (said, advice, lasts) => {
    expect(tlsTrouble(said, SETTINGS)).toMatchObject({ advice: expect.stringMatching(advice), lasts });
  });

  test.each(['ECONNREFUSED', 'ENOTFOUND getaddrinfo', 'no complete reply within 5 ms'])('%s says nothing', (said) => {
    expect(tlsTrouble(said, SETTINGS)).toBeUndefined();
    expect(portHint(said, true, SETTINGS) ?? portHint(said, false, SETTINGS)).toBeUndefined();
  });
});

test('a connection that is cut is a hint only where the other kind of port does so', () => {
  expect(portHint('socket hang up', false, SETTINGS)).toContain('SWITCH_IT_ON');
  expect(portHint('HPE_INVALID_CONSTANT Parse Error: Expected HTTP/', false, SETTINGS)).toContain('SWITCH_IT_ON');
  expect(portHint('socket hang up', true, SETTINGS)).toBeUndefined();
  expect(portHint('Client network socket disconnected before secure TLS connection', true, SETTINGS)).toContain('OFF');
});

test.each([
  ['The plain HTTP request was sent to HTTPS port', true], // nginx
  ['Client sent an HTTP request to an HTTPS server.', true], // Go
  ['This combination of host and port requires TLS.', true], // Tomcat
  ["You're speaking plain HTTP to an SSL-enabled server port.", true], // Apache
  ['{"message":"tid is missing"}', false],
])('400 "%s"', (said, expected) => {
  expect(wantsTls(400, said)).toBe(expected);
  expect(wantsTls(404, said)).toBe(false);
});

test('a CA file is read once for everybody, and one that cannot be read says whose it is', () => {
  expect(authoritiesWith(undefined, 'Kafka')).toBeUndefined();
  expect(authoritiesWith(import.meta.filename, 'Kafka')?.at(-1)).toContain('a CA file is read once');
  expect(() => authoritiesWith('/nowhere/ca.pem', 'source "acme"')).toThrow(
    expect.objectContaining({
      kind: 'usage',
      message: expect.stringMatching(/^the CA file of source "acme" cannot be read: ENOENT.*nowhere/),
      advice: expect.stringContaining('`ca_file`'),
    }),
  );
});

test('what only programmers need is left out', () => {
  expect(plainly(`Connection error: ${NOT_TLS}`)).toBe('Connection error: wrong version number');
  const advice =
    'self-signed certificate; if the root CA is installed locally, try running Node.js with --use-system-ca';
  expect(plainly(advice)).toBe('self-signed certificate');
});
