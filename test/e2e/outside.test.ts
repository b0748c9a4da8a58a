/** Connectors that live outside, packed and installed as a user would have them: the example, and what `sluice init` writes. */
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..');
let place: string;
const sluice = () => join(place, 'node_modules', 'sluice');

/** The package as it would be published, in a folder of a user, with the packages that it needs. */
beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), 'sluice-outside-'));
  const built = join(place, 'built');
  const listed = execFileSync('git', ['-C', ROOT, 'ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  for (const file of listed.split('\0').filter((name) => name !== '' && !name.startsWith('test/')))
    cpSync(join(ROOT, file), join(built, file), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(built, 'node_modules'));
  execFileSync('npm', ['run', 'build'], { cwd: built, stdio: 'pipe' });
  const [packed] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--ignore-scripts'], { cwd: built, encoding: 'utf8' }),
  ) as { filename: string }[];
  mkdirSync(sluice(), { recursive: true });
  execFileSync('tar', ['xzf', join(built, packed?.filename ?? ''), '-C', sluice(), '--strip-components=1']);
  rmSync(built, { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(sluice(), 'node_modules'));
}, 180_000);
afterAll(() => rmSync(place, { recursive: true, force: true }));

function run(folder: string, command: string, ...argv: string[]) {
  const env = { PATH: process.env.PATH, HOME: place, ACME_TOKEN: 'a-token-that-nobody-may-see-0123' };
  const child = spawn(command, argv, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk));
  return new Promise<{ code: number | null; said: string }>((resolve) =>
    child.once('close', (code) => resolve({ code, said })),
  );
}

const program = (folder: string, ...argv: string[]) =>
  run(folder, process.execPath, join(sluice(), 'bin', 'sluice.js'), ...argv);

function acme(name: string): string {
  const folder = join(place, name);
  cpSync(join(ROOT, 'examples', 'acme'), folder, { recursive: true });
  return folder;
}

test('the example passes the checks of `sluice/testing`', { timeout: 120_000 }, async () => {
  const { code, said } = await run(acme('example'), process.execPath, '--test');
  expect(code, said).toBe(0);
  expect(said).toMatch(/pass 18\b/);
});

test('what `sluice init connector` writes passes the same checks', { timeout: 120_000 }, async () => {
  const folder = join(place, 'mine');
  mkdirSync(folder);
  const made = await program(folder, 'init', 'connector', 'blue_door');
  expect(made.code, made.said).toBe(0);
  expect(readFileSync(join(folder, 'blue_door', 'blue_door.ts'), 'utf8')).not.toMatch(/acme/i);
  const { code, said } = await run(join(folder, 'blue_door'), process.execPath, '--test');
  expect(code, said).toBe(0);
  expect(await program(folder, 'init', 'connector', 'blue_door')).toMatchObject({ code: 2 });
  for (const name of ['Blue', 'cylance', '../up', ''])
    expect(await program(folder, 'init', 'connector', name)).toMatchObject({ code: 2 });
});

describe('in the config', () => {
  test('its keys, streams and templates are there as those of any connector', { timeout: 60_000 }, async () => {
    const folder = acme('keys');
    expect((await program(folder, 'config', 'schema')).said).toContain('Where the API is, as a URL.');
    expect((await program(folder, 'streams')).said).toMatch(/acme\.alarm +Door alarms/);
    writeFileSync(
      join(folder, 'wrong.yaml'),
      readFileSync(join(folder, 'sluice.yaml'), 'utf8').replace('base_url', 'bas_url'),
    );
    const wrong = await program(folder, 'check', '-c', 'wrong.yaml');
    expect(wrong.said).toMatch(/wrong\.yaml:5:5 sources\[0\]\.bas_url: is not a key here; did you mean "base_url"\?/);
    expect(wrong.code).toBe(2);
  });

  test('a vendor without scopes is asked for nothing but what its streams ask for', { timeout: 60_000 }, async () => {
    const folder = acme('asked');
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url ?? '');
      response.end(JSON.stringify({ total: 0, items: [] }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const text = readFileSync(join(folder, 'sluice.yaml'), 'utf8');
    writeFileSync(join(folder, 'sluice.yaml'), text.replace('https://api.acme.example', url));
    const { said } = await program(folder, 'check');
    server.close();
    expect(said).toContain('Everything works.');
    expect(asked.filter((path) => !/^\/alarms\?.*page=1&size=\d+$/.test(path))).toEqual([]);
  });

  test('a package is found where the config is', { timeout: 60_000 }, async () => {
    const folder = acme('packaged');
    const home = join(folder, 'node_modules', 'sluice-connector-acme');
    mkdirSync(home, { recursive: true });
    writeFileSync(
      join(home, 'package.json'),
      JSON.stringify({ name: 'sluice-connector-acme', type: 'module', exports: './index.js' }),
    );
    for (const file of ['acme.ts', 'acme-mapping.ts'])
      execFileSync(join(ROOT, 'node_modules', '.bin', 'tsc'), [
        ...[
          '--ignoreConfig',
          '--outDir',
          home,
          '--module',
          'nodenext',
          '--target',
          'es2024',
          '--skipLibCheck',
          '--noCheck',
        ],
        ...['--rewriteRelativeImportExtensions', join(folder, file)],
      ]);
    writeFileSync(join(home, 'index.js'), "export { default } from './acme.js';\n");
    const text = readFileSync(join(folder, 'sluice.yaml'), 'utf8').replace('./acme.ts', 'sluice-connector-acme');
    writeFileSync(join(folder, 'sluice.yaml'), text);
    expect((await program(folder, 'streams')).said).toMatch(/acme\.alarm +Door alarms/);
  });

  const refused: [what: string, module: string, says: RegExp][] = [
    ['that is not there', '', /other\.mjs cannot be loaded: Cannot find module[\s\S]*→ Write the path as seen from/],
    ['that throws', 'throw new Error("no luck");', /other\.mjs cannot be loaded: no luck/],
    ['without a default export', 'export const a = 1;', /does not fit:\n {2}the default export is missing/],
    [
      'with half a connector',
      'export default { connector: { name: "X", config: {} }, streams: [] };',
      /connector\.open is missing; it must be a function\n[\s\S]*streams is empty/,
    ],
    [
      'of a name that is taken',
      'export default { connector: { name: "cylance", config: {} }, streams: [] };',
      /there is a connector cylance already/,
    ],
  ];
  test.each(refused)('a module %s is refused, and what is wrong is said', async (_what, module, says) => {
    const folder = join(place, 'refused');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    if (module !== '') writeFileSync(join(folder, 'other.mjs'), module);
    writeFileSync(join(folder, 'sluice.yaml'), 'connectors: [./other.mjs]\nsources: []\nsinks: []\n');
    const { code, said } = await program(folder, 'check');
    expect([code, said]).toEqual([2, expect.stringMatching(says)]);
    expect(said).not.toMatch(/\n\s+at /);
  });

  test('whatever it writes to the log, its secret is not in it', { timeout: 60_000 }, async () => {
    const folder = acme('secret');
    const code = readFileSync(join(folder, 'acme.ts'), 'utf8');
    const leaking = code.replace(
      'services.secrets.protect(secret);',
      "services.log.warn({ secret, url: url.href + secret }, 'it is ' + secret);\n        throw new Error('with ' + secret);",
    );
    expect(leaking).not.toBe(code);
    writeFileSync(join(folder, 'acme.ts'), leaking);
    const { said } = await program(folder, 'run', '--once');
    expect(said).toMatch(/it is \[redacted\]/);
    expect(said).not.toContain('a-token-that-nobody-may-see-0123');
  });
});
