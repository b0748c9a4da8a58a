/** A mutant: the engine with one promise broken on purpose. Tests that do not see it would not see the same fault by accident. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Mutant {
  /** What it is called on the command line and in the table. */
  name: string;
  /** What goes wrong in it, for whoever has to write the missing test. */
  fault: string;
  edits: readonly Edit[];
  /** The test files that are to catch it, each by itself. */
  tests: readonly string[];
}

interface Edit {
  file: string;
  /** Is there exactly once, white space and all. */
  find: string;
  put: string;
}

/** The files as the mutant has them, by path; throws where a text is not there exactly once. */
export function mutated(root: string, { name, edits }: Mutant): Map<string, string> {
  const files = new Map<string, string>();
  for (const { file, find, put } of edits) {
    const text = files.get(file) ?? readFileSync(join(root, file), 'utf8');
    const times = text.split(find).length - 1;
    if (times !== 1) throw new Error(`${name}: ${file} has this text ${times} times, not once:\n${find}`);
    files.set(
      file,
      text.replace(find, () => put),
    );
  }
  return files;
}

/** Makes the mutant in the copy of the repository at `root`; the function that is returned takes it back. */
export function applyTo(root: string, mutant: Mutant): () => void {
  const before = new Map<string, string>();
  for (const [file, text] of mutated(root, mutant)) {
    before.set(file, readFileSync(join(root, file), 'utf8'));
    writeFileSync(join(root, file), text);
  }
  return () => {
    for (const [file, text] of before) writeFileSync(join(root, file), text);
  };
}
