import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { openOutput, openTerminal } from '../src/observe/output.ts';
import { openTalk, startProgress } from '../src/observe/progress.ts';
import { createRedactor } from '../src/redaction/redactor.ts';

const ESC = String.fromCharCode(27);
const SECRET = 'a-secret-7f3QzLp0aVx9';
const NOTE = `waiting: ${ESC}[31mRED${ESC}[2J\r\nforged: line\u202e ${SECRET.slice(0, 14)} ${'x'.repeat(1000)}`;

/** What is written while one thing is waited for, with a line of the log in between. */
async function written(isTty: boolean): Promise<string> {
  let text = '';
  const write = (more: string) => {
    text += more;
    return true;
  };
  const stream = { isTTY: isTty, columns: 200, write };
  const redactor = createRedactor();
  redactor.protect(SECRET);
  const cli = { terminal: openTerminal(stream), stderr: openOutput(stream, redactor), isTty, redactor };
  const talk = openTalk(cli.terminal);
  const standing = () => ({ part: 0.5, delivered: 10, note: NOTE });
  const progress = startProgress({ title: 'backfill', cli, talk, standing });
  await sleep(isTty ? 500 : 5200);
  talk.write(`a line of the log ${ESC}[32mINFO${ESC}[39m${ESC}[2J\n`);
  progress.stop();
  return text;
}

it('a bar shows what is waited for, and draws nothing but itself', async () => {
  const text = await written(true);
  expect(text).toContain('\\u001b[31mRED\\u001b[2J\\r\\nforged: line\\u202e [redacted]');
  for (const foreign of [`${ESC}[31m`, `${ESC}[2J`, '\r', '\u202e', 'a-secret', 'x'.repeat(500)])
    expect(text).not.toContain(foreign);
  for (const own of [`${ESC}[?25l`, `${ESC}[?25h`, `${ESC}[32mINFO${ESC}[39m\\u001b[2J\n`]) expect(text).toContain(own);
});

it('elsewhere it is a line now and then', async () => {
  const text = await written(false);
  expect(text.split('\n')[0]).toMatch(/^backfill: 50 %, 10 delivered, .*\\u001b\[31mRED.*\[redacted\]/);
  expect(text.split('\n').filter((line) => line.startsWith('forged'))).toEqual([]);
});
