/** No secret in the tree: secretlint's recommended rules over every file that git would take. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lintSource } from '@secretlint/core';
import { creator } from '@secretlint/secretlint-rule-preset-recommend';
import type { Planted } from './accepted.ts';

const PRESET = '@secretlint/secretlint-rule-preset-recommend';

/**
 * Where in these files a secret stands, without the secret itself; and the exceptions that fitted nothing.
 * @param root the folder that the files are named from
 */
export async function secretFaults(
  root: string,
  files: readonly string[],
  exceptions: readonly Planted[],
): Promise<string[]> {
  const used = new Set<Planted>();
  const faults: string[] = [];
  for (const file of files) {
    const content = readFileSync(join(root, file), 'utf8');
    const { messages } = await lintSource({
      source: { content, filePath: file, contentType: 'text' },
      options: { config: { rules: [{ id: PRESET, rule: creator }] }, noPhysicFilePath: true, maskSecrets: true },
    });
    for (const { range, loc, ruleId, messageId } of messages) {
      const found = content.slice(...range);
      const exception = exceptions.find((one) => one.files.test(file) && one.text.test(found));
      if (exception === undefined) faults.push(`${file}:${loc.start.line} holds a secret (${ruleId}, ${messageId})`);
      else used.add(exception);
    }
  }
  const unused = exceptions.filter((one) => !used.has(one));
  return [
    ...faults,
    ...unused.map((one) => `nothing is found in ${one.files} like ${one.text}: it needs no exception`),
  ];
}
