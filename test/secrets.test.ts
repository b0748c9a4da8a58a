import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withoutSecrets } from '../src/api/records/secrets.ts';

const NAMES = ['password', 'download_url'];
const S = 'S3cr3t/Value+1=';
const W = 'S3cr3tValue1';

describe('withoutSecrets', () => {
  it.each([
    [`tool --password ${S} --force`, 'tool --password [removed] --force'],
    [`tool --password=${S}`, 'tool --password=[removed]'],
    [`tool --password "two words ${S}" -v`, 'tool --password [removed] -v'],
    [`tool --password 'two words ${S}' -v`, 'tool --password [removed] -v'],
    [`tool --password "never closed ${S}`, 'tool --password [removed]'],
    [`tool -Password ${S}`, 'tool -Password [removed]'],
    [`tool /password:${S} /x`, 'tool /password:[removed] /x'],
    [`tool --db-password ${S}`, 'tool --db-password [removed]'],
    [`tool --client-secret ${S}`, 'tool --client-secret [removed]'],
    [`tool --api-key ${S}`, 'tool --api-key [removed]'],
    [`tool --token=${S}`, 'tool --token=[removed]'],
    [`tool -p ${W} -v`, 'tool -p [removed] -v'],
    [`plink -pw ${W} host`, 'plink -pw [removed] host'],
    [`mysql -u root -p${W} db`, 'mysql -u root -p[removed] db'],
    [`7z x -p${W} a.zip`, '7z x -p[removed] a.zip'],
    [`curl -u bob:${W} https://h/`, 'curl -u bob:[removed] https://h/'],
    [`net use \\\\srv\\share ${W} /user:corp\\bob`, 'net use \\\\srv\\share [removed] /user:corp\\bob'],
    [`net user bob ${W} /add`, 'net user bob [removed] /add'],
    [`ConvertTo-SecureString "${W}" -AsPlainText`, 'ConvertTo-SecureString [removed] -AsPlainText'],
    [`https://bob:${W}@h.example.test/x?y=1`, 'https://[removed]@h.example.test/x?y=1'],
    [`ftp://bob:pa/ss${W}@10.0.0.1/in`, 'ftp://[removed]@10.0.0.1/in'],
    [`https://${W}@h.example.test/x`, 'https://[removed]@h.example.test/x'],
    [`https://h/x?token=${W}&y=1`, 'https://h/x?token=[removed]&y=1'],
    [`https://h/x?access_token=${W}&api_key=${W}`, 'https://h/x?access_token=[removed]&api_key=[removed]'],
    [`Server=a;Password=${W};User=x`, 'Server=a;Password=[removed];User=x'],
    [`curl -H "Authorization: Bearer ${W}" x`, 'curl -H "Authorization: [removed]" x'],
    [`Authorization: Basic ${W}`, 'Authorization: [removed]'],
    [`Bearer ${W}`, 'Bearer [removed]'],
    [`-H "X-Api-Key: ${W}"`, '-H "X-Api-Key: [removed]"'],
    [`{"x":1,"token":"${W}"}`, '{"x":1,"token":[removed]}'],
    [`say \\"password\\":\\"${W}\\" now`, 'say \\"password\\":[removed] now'],
    [`eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.${W}`, '[removed]'],
    [`Password: ${W}`, 'Password: [removed]'],
    [`-----BEGIN RSA PRIVATE KEY-----\n${W}\n-----END RSA PRIVATE KEY-----`, '[removed]-----END RSA PRIVATE KEY-----'],
  ])('%s', (text, expected) => {
    expect(withoutSecrets({ CommandLine: text }, NAMES)).toEqual({ CommandLine: expected });
  });

  it.each([
    'ssh -p 22 host',
    'nmap -p 1-1024,8080 10.0.0.1',
    'mkdir -p /tmp/x',
    'Token: Stolen By Another Process',
    'Credential Access: Memory Dump, Password Store',
    'Password Spraying Detected',
    'https://h.example.test:8443/@scope/package',
    'bob@example.test',
    '2018-06-14T03:05:45.866Z',
    'dHJtLYQzbt9oJPxO8HaeyA==',
    'c:\\program files\\passwords.exe /n "x"',
    'net view /domain',
    'net user',
    'powershell.exe -NoProfile -Path c:\\x',
  ])('leaves alone: %s', (text) => {
    const record = { a: text, b: [text] };
    expect(withoutSecrets(record, NAMES)).toBe(record);
  });

  it('removes the listed members in any spelling and depth, also inside embedded JSON', () => {
    const record = {
      Password: 'x',
      keep: 1,
      deep: [{ DownloadUrl: 'https://x', DOWNLOAD_URL: 'y', 'Download-Url': 'z', pass_word: 'x', keep: null }],
      text: '{"downloadUrl":"https://x","Pass-Word":"x","keep":2}',
    };
    expect(withoutSecrets(record, NAMES)).toEqual({ keep: 1, deep: [{ keep: null }], text: '{"keep":2}' });
    expect(record.Password).toBe('x');
  });

  it('knows embedded JSON behind padding, too', () => {
    const clean = withoutSecrets({ text: ' \n {"download_url":"https://x/PLANTED"}' }, ['download_url']);
    expect(JSON.stringify(clean)).not.toContain('PLANTED');
  });

  it.each([
    ['padded', { ' password ': W, 'password\t': W }],
    ['in another casing', { PASSWORD: W, pAssWord: W, 'DOWNLOAD-url': W }],
    ['with what nobody sees between its letters', { 'pass\u200bword': W, 'pass word': W, 'password\u0000': W }],
    ['in wide letters', { ｐａｓｓｗｏｒｄ: W }],
  ])('a secret member is one however its name is written: %s', (_how, members) => {
    expect(withoutSecrets({ keep: 1, ...members }, NAMES)).toEqual({ keep: 1 });
    expect(withoutSecrets([[{ deep: members }]], NAMES)).toEqual([[{ deep: {} }]]);
    for (let [text, depth] = [JSON.stringify({ keep: 1, ...members }), 0]; depth < 4; depth++) {
      for (const around of [text, ` \n${text}`, `[${text}]`, `{"a":[1,${text}]}`]) {
        const clean = withoutSecrets({ text: around }, NAMES);
        expect(JSON.stringify(clean)).not.toContain(W);
        expect(JSON.stringify(clean)).toContain('keep');
      }
      text = JSON.stringify(depth % 2 === 0 ? text : { inner: text });
    }
  });

  it.each([
    `{"pass\\u0077ord":"${W}"}`,
    `{"\\u0070\\u0061ssword" : "${W}", "keep":1}`,
    `[{"a":[{"passwor\\u0064":["${W}"]}]}]`,
    JSON.stringify(`{"pass\\u0077ord":"${W}"}`),
    JSON.stringify({ a: JSON.stringify({ b: `{"pass\\u0077ord":"${W}"}` }) }),
    `{"pass\\u0077ord":"${W}`, // cut short
    `POST /x {"pass\\u0077ord":"${W}"} done`,
    `POST /x {"password ":"${W}"} done`,
    `tool --pass\\u0077ord ${W}`,
  ])('an escape in its name hides no secret: %s', (text) => {
    const clean = withoutSecrets({ text, list: [text], same: { text } }, NAMES);
    expect(JSON.stringify(clean)).not.toContain(W);
  });

  it('leaves JSON in texts as it is where nothing is to be removed', () => {
    for (const text of [
      '{"a":"\\u0041 Мишка"}',
      '"C:\\\\x.exe" /n',
      ' [1, 2] ',
      '{"pass":1,"word":2}',
      '"plain"',
      '{',
      '"',
    ]) {
      const record = { text };
      expect(withoutSecrets(record, NAMES)).toBe(record);
    }
  });

  it('removes the element after a lone switch', () => {
    expect(withoutSecrets(['tool', '--password', W, '-p', W, '--verbose', 'x'], NAMES)).toEqual([
      'tool',
      '--password',
      '[removed]',
      '-p',
      '[removed]',
      '--verbose',
      'x',
    ]);
  });

  it('returns the very record when there is nothing to remove, and takes any value', () => {
    for (const value of [null, undefined, 1, '', 'x', [], {}, { a: [1, { b: 'c' }] }])
      expect(withoutSecrets(value, NAMES)).toBe(value);
  });

  it('is done after one pass, never throws, and lets no planted secret through', () => {
    const forms = fc.constantFrom(
      '--password S',
      '-p S',
      'https://a:S@h/x',
      'Authorization: Bearer S',
      'token=S',
      '"password":"S"',
      '--secret "S"',
    );
    const leaf = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary' }),
      forms.map((form) => form.replaceAll('S', 'PLANTED1')),
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.integer(),
        fc.constant(null),
        fc.array(tie('tree')),
        fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('password', 'Download_URL')), tie('tree')),
      ),
    }));
    fc.assert(
      fc.property(tree, (record) => {
        const clean = withoutSecrets(record, NAMES);
        expect(JSON.stringify(clean) ?? '').not.toContain('PLANTED1');
        expect(withoutSecrets(clean, NAMES)).toEqual(clean);
      }),
      { numRuns: 500 },
    );
  });

  it('survives endless depth and endless texts in linear time', () => {
    let deep: unknown = 'x';
    for (let depth = 0; depth < 100_000; depth++) deep = { a: deep };
    expect(() => withoutSecrets(deep, NAMES)).not.toThrow();
    const started = performance.now();
    for (const part of [
      '://a:',
      'password',
      'password ',
      '-p ',
      ' -',
      '"',
      'net use ',
      'mysql -',
      'Authorization: ',
      'x-',
      'eyJ',
      'token"',
      '\\"',
      '://',
      'basic ',
      '-u a',
      '-----BEGIN PRIVATE KEY',
    ]) {
      withoutSecrets({ a: `${part.repeat(Math.ceil(200_000 / part.length))} = ` }, NAMES);
    }
    expect(performance.now() - started).toBeLessThan(20_000);
  });
});
