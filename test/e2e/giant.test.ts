/** A reply too long to be held, into files. `GIANT=2100000` makes it 2 GB. */
import { createReadStream, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, test } from 'vitest';
import type { EcsDocument } from '../../src/api/document.ts';
import { idOf } from './delivered.ts';
import { proveGiant } from './giant.ts';
import type { Place } from './place.ts';

let place: Place | undefined;
afterEach(() => place?.close());

const results = Number(process.env.GIANT ?? 40_000);

test('a giant reply, cut at five places, is in the files once', { timeout: 3_600_000 }, () =>
  proveGiant({
    results,
    sink: { name: 'files', type: 'ndjson', path: 'out' },
    opened: (opened) => {
      place = opened;
    },
    async read({ folder }, each) {
      const out = join(folder, 'out');
      for (const name of readdirSync(out, { recursive: true, encoding: 'utf8' })) {
        if (!name.endsWith('.ndjson')) continue;
        for await (const line of createInterface({ input: createReadStream(join(out, name)) }))
          each(idOf(JSON.parse(line) as EcsDocument));
      }
    },
  }),
);
