/** Fields that stand for what the vendor says in another form: arguments, tactics, indicators, systems. */
import { describe, expect, test } from 'vitest';
import { attackOf, indicatorOf } from '../../mappings/cylance/shared/threats.ts';
import { systemIn } from '../../mappings/ecs-names.ts';
import { argumentsIn, putCommand } from '../../mappings/ecs-process.ts';

describe('a command line in its arguments', () => {
  test.each([
    ['one.exe', ['one.exe']],
    ['  a\tb   c ', ['a', 'b', 'c']],
    ['"C:\\Program Files\\a.exe" -x "two words"', ['C:\\Program Files\\a.exe', '-x', 'two words']],
    ['"C:\\dir\\" next', ['C:\\dir\\', 'next']], // a path, whatever it ends in
    ['a "b\\\\" c', ['a', 'b\\', 'c']],
    ['a "b\\" c', ['a', 'b" c']],
    ['a \\\\srv\\c$\\ b"c d"e', ['a', '\\\\srv\\c$\\', 'bc de']],
    ['a "b""c"', ['a', 'b"c']],
    ['a "" b', ['a', 'b']],
    ['a "open end', ['a', 'open end']],
    ["sh -c 'x y'", ['sh', '-c', "'x", "y'"]], // single quotes are no quotes there
    ['""', []],
    ['   ', []],
  ])('%j', (commandLine, args) => {
    expect(argumentsIn(commandLine)).toEqual(args);
  });

  test('of endless many the first are kept, and their number', () => {
    const process: Record<string, unknown> = {};
    const unfit = {};
    putCommand(process, unfit, 'process.command_line', 'a '.repeat(5000));
    expect(process.args).toHaveLength(1000);
    expect(process.args_count).toBe(5000);
    expect(unfit).toEqual({ 'process.args.cut': '1000 of 5000' });
  });

  test('a megabyte takes no longer than its length', () => {
    const began = performance.now();
    for (const piece of ['"', '\\', ' ', '"\\', '\\" ', 'a"']) argumentsIn(piece.repeat(500_000));
    expect(performance.now() - began).toBeLessThan(20_000);
  });
});

describe('a tactic', () => {
  const tactic = (...words: unknown[]) =>
    (attackOf({ texts: [], words })?.tactic as { name: string[] } | undefined)?.name;

  test.each(['Command and Control', 'command & control', 'COMMAND-AND-CONTROL', 'CommandAndControl'])('%s', (word) => {
    expect(attackOf({ texts: [], words: [word] })).toEqual({
      framework: 'MITRE ATT&CK',
      tactic: {
        id: ['TA0011'],
        name: ['Command and Control'],
        reference: ['https://attack.mitre.org/tactics/TA0011/'],
      },
    });
  });

  test.each(['Custom', 'Cylance Rules', 'Inventory', 'Execution of something', '', 7, null, {}])(
    'is none: %j',
    (word) => {
      expect(tactic(word)).toBeUndefined();
    },
  );

  test('of several words each stands once, in the order of the ids', () => {
    expect(tactic('Impact', ['Execution', 'impact'], 'Custom')).toEqual(['Execution', 'Impact']);
  });
});

describe('an indicator', () => {
  const judged = { provider: 'P', classes: ['Malware', undefined], lastSeen: undefined };

  test('is named by the best hash, else by its place, and shares nothing with the file', () => {
    const file = { name: 'a.exe', path: 'C:\\a.exe', hash: { md5: 'm', sha256: 's' }, extension: 'exe' };
    const found = indicatorOf(file, judged) as { indicator: { name: string; file: { hash: object } } };
    expect(found.indicator).toEqual({
      ...{ type: 'file', provider: 'P', name: 's', description: 'Malware' },
      file: { name: 'a.exe', path: 'C:\\a.exe', hash: { md5: 'm', sha256: 's' } },
    });
    expect(found.indicator.file.hash).not.toBe(file.hash);
    expect(indicatorOf({ path: '/x' }, judged)).toMatchObject({ indicator: { name: '/x' } });
    expect(indicatorOf(undefined, judged)).toBeUndefined();
  });
});

test.each([
  ['Ubuntu 22.04.4 LTS', { name: 'Ubuntu', version: '22.04.4', type: 'linux' }],
  ['Microsoft Windows 11 Pro', { name: 'Microsoft Windows', version: '11', type: 'windows' }],
  ['10.0.19045', { version: '10.0.19045' }],
  ['Plan Nine', { name: 'Plan Nine' }],
])('the system %s', (full, said) => {
  expect(systemIn(full)).toEqual({ full, ...said });
});
