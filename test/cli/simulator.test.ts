import { afterEach, expect, test } from 'vitest';
import { until, type Workplace, workplace } from './binary.ts';

let place: Workplace;
afterEach(() => place.close());

/** The first detection as the command serves it. */
async function firstDetection(...options: string[]): Promise<unknown> {
  const started = place.start('simulator', '--port', '0', '--detections', '3', '--instaqueries', '0', ...options);
  await until(() => /ready http\S+\n/.test(started.said()));
  const [, url] = /ready (http\S+)/.exec(started.said()) ?? [];
  const [row = ''] = (await (await fetch(`${url}/_simulator/truth`)).text()).split('\n');
  started.child.kill('SIGTERM');
  expect((await started.ended).code).toBe(0);
  return (JSON.parse(row) as { record: unknown }).record;
}

test('sluice simulator serves the forms that public clients read, and the odd ones when asked', async () => {
  place = await workplace({ detections: 0 });
  expect(await firstDetection()).toMatchObject({ DetectionRule: { Name: expect.any(String) } });
  expect(await firstDetection('--odd-forms')).toMatchObject({ DetectionRule: {}, AssociatedArtifacts: [{}] });
});
