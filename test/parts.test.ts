import pino from 'pino';
import { expect, test } from 'vitest';
import { createParts, reopened } from '../src/system/parts.ts';

const log = pino({ level: 'silent' });

/** Calls `failed` from a callback that `work` has set up, as the last handler of the process would be. */
function opener(parts: ReturnType<typeof createParts>) {
  const opened: { closed: boolean; fail(error: Error): Promise<boolean> }[] = [];
  const open = () => {
    const client = {
      closed: false,
      fail: (error: Error) => new Promise<boolean>((resolve) => setTimeout(() => resolve(parts.failed(error)), 1)),
      close() {
        this.closed = true;
      },
    };
    opened.push(client);
    return client;
  };
  return { opened, open };
}

test('what is thrown in a callback of a part fails its calls, closes it, and opens it again', async () => {
  const parts = createParts();
  const { opened, open } = opener(parts);
  const part = reopened('sink "one"', open, { parts, log });
  const other = reopened('sink "two"', open, { parts, log });
  const signals: boolean[] = [];
  const pending = part.call(async (client, broken) => {
    broken.addEventListener('abort', () => signals.push(true));
    void client.fail(new Error('boom'));
    await new Promise(() => {});
  });
  const beside = other.call(() => new Promise((resolve) => setTimeout(resolve, 20, 'goes on')));
  await expect(pending).rejects.toMatchObject({ action: 'retry', message: 'sink "one": its client failed: boom' });
  expect(await beside).toBe('goes on');
  expect(signals).toEqual([true]);
  expect(await part.call(async (client) => client === opened[2])).toBe(true);
  expect(opened.map(({ closed }) => closed)).toEqual([true, false, false]);
});

test('what is thrown outside of every part is nobody’s', async () => {
  const parts = createParts();
  const { open } = opener(parts);
  const part = reopened('sink "one"', open, { parts, log });
  await part.call(async () => {});
  expect(parts.failed(new Error('boom'))).toBe(false);
});

test('a client is opened when it is needed, and closed once it was', async () => {
  const parts = createParts();
  const { opened, open } = opener(parts);
  const part = reopened('sink "one"', open, { parts, log });
  await part.close();
  expect(opened).toHaveLength(0);
  await part.call(async () => {});
  await part.close();
  expect(opened.map(({ closed }) => closed)).toEqual([true]);
});
