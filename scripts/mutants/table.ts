/** The mutants, each with the tests that are to catch it. A text that moved is mended here: `test/mutants.test.ts` tells. */
import type { Mutant } from './mutant.ts';

const WRITER = 'src/engine/batch-writer.ts';
const WALK = 'src/engine/walk.ts';
const WINDOWS = 'src/reading/windows.ts';

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'commit-before-delivery',
    fault: 'What was never written counts as delivered once the process dies in between.',
    edits: [
      {
        file: WRITER,
        find: 'const { rejections, receipt } = await writeBatch(pipeline, walkId, ++number, batch.changes, signal);',
        put: 'const rejections = []; const receipt = null; ++number;',
      },
      {
        file: WRITER,
        find: '      pipeline.commits++;\n',
        put: `      pipeline.commits++;
      const later = await writeBatch(pipeline, walkId, number, batch.changes, signal);
      const none = { rows: [], ledger: [], children: [], gaps: [], closedGaps: [], owed: [], paid: [], facts: {} };
      pipeline.state.commit({ ...none, walk: walkId, number, cursor: undefined, ...later });
`,
      },
    ],
    tests: ['test/engine/awkward-moments.test.ts', 'test/engine/every-moment.test.ts'],
  },
  {
    name: 'cursor-before-its-page',
    fault: 'A batch saves the cursor of pages whose records are still on their way.',
    edits: [
      {
        file: WRITER,
        find: 'return pages.splice(0, open === -1 ? pages.length : open);',
        put: 'return pages.splice(0, open === -1 ? pages.length : pages.length);',
      },
    ],
    tests: ['test/engine/awkward-moments.test.ts', 'test/engine/every-moment.test.ts'],
  },
  {
    name: 'settle-newest-first',
    fault: 'The cursor passes the older windows of a walk before they are read and settled.',
    edits: [
      {
        file: WINDOWS,
        find: 'for (let window = windows.shift(); window !== undefined; window = windows.shift()) {',
        put: 'for (let window = windows.pop(); window !== undefined; window = windows.pop()) {',
      },
    ],
    tests: ['test/engine/windows.test.ts', 'test/engine/every-moment.test.ts'],
  },
  {
    name: 'settle-after-one-pass',
    fault: 'A record that slipped from one page to another while the list moved is never seen.',
    edits: [
      {
        file: 'src/reading/settle.ts',
        find: 'const settled = isSame && before?.isWhole === true && reading.isWhole;',
        put: 'const settled = reading.isWhole;',
      },
    ],
    tests: ['test/engine/windows.test.ts', 'test/engine/readings.test.ts'],
  },
  {
    name: 'ignore-rejections',
    fault: 'What the sink refused counts as delivered, and nobody can look at it.',
    edits: [
      {
        file: WRITER,
        find: 'const rejections = written.rejections.map(',
        put: 'const rejections = written.rejections.slice(0, 0).map(',
      },
    ],
    tests: ['test/engine/pipeline.test.ts', 'test/engine/every-moment.test.ts'],
  },
  {
    name: 'drop-the-unmappable',
    fault: 'A record that no mapping understands is remembered and not shipped.',
    edits: [
      {
        file: 'src/engine/change/change.ts',
        find: 'if (detailMissing) row.isBare = true;',
        put: `if (out.json.includes('"kind":"pipeline_error"')) return { row, out: undefined, claim: mine };`,
      },
    ],
    tests: ['test/engine/awkward-moments.test.ts', 'test/engine/every-moment.test.ts'],
  },
  {
    name: 'closed-anew',
    fault: 'A record that is closed gets another end with each later revision.',
    edits: [
      {
        file: 'src/engine/change/closing.ts',
        find: 'const isNew = last !== undefined && !isAsBefore && !isClosed(prior);',
        put: 'const isNew = last !== undefined;',
      },
    ],
    tests: ['test/engine/closing.test.ts'],
  },
  {
    name: 'nothing-remembered',
    fault: 'What a document says of its record is not kept for the next one.',
    edits: [
      {
        file: 'src/engine/change/change.ts',
        find: 'last: made.last,',
        put: 'last: undefined,',
      },
    ],
    tests: ['test/engine/closing.test.ts'],
  },
  {
    name: 'cursor-inside-a-window',
    fault: 'The first page of a window moves the cursor over all of it.',
    edits: [
      {
        file: WINDOWS,
        find: 'const outcome = yield* settle(context, { list, key: resource.key }, copy(cursor));',
        put: `const inside = copy({ ...cursor, coveredMs: Math.max(cursor.coveredMs, range.toMs) });
    const outcome = yield* settle(context, { list, key: resource.key }, inside);`,
      },
    ],
    tests: ['test/engine/windows.test.ts', 'test/engine/every-moment.test.ts'],
  },
  {
    name: 'forget-the-claim',
    fault: 'Two walks that meet one record at the same time both ship it.',
    edits: [{ file: 'src/engine/claims.ts', find: '      claims.set(claim.key, claim);\n', put: '' }],
    tests: ['test/engine/claims.test.ts', 'test/engine/every-moment.test.ts'],
  },
  {
    name: 'forget-to-recover',
    fault: 'After a crash, what arrived and was not committed is shipped again.',
    edits: [
      {
        file: 'src/engine/runner.ts',
        find: 'await recover(pipeline, options.signal);',
        put: 'pipeline.sinkGate.open();',
      },
    ],
    tests: ['test/engine/every-moment.test.ts'],
  },
  {
    name: 'recover-takes-doubt-as-arrived',
    fault: 'After a crash, everything that was being written counts as delivered, whatever the sink says.',
    edits: [
      {
        file: 'src/engine/recover.ts',
        find: 'if (prepared.length > 0) state.resolve(arrived);',
        put: 'if (prepared.length > 0) state.resolve(new Set(prepared.flatMap(({ ids }) => ids.map(({ id }) => id))));',
      },
    ],
    tests: ['test/engine/every-moment.test.ts'],
  },
  {
    name: 'overlap-of-nothing',
    fault: 'Records at the edge of two windows are in neither, where the vendor leaves out the bounds.',
    edits: [
      {
        file: WINDOWS,
        find: 'const { overlapMs, pageSize } = context.settings;',
        put: 'const [overlapMs, { pageSize }] = [0, context.settings];',
      },
    ],
    tests: ['test/engine/windows.test.ts', 'test/engine/every-moment.test.ts'],
  },
  {
    name: 'renew-no-token',
    fault: 'The connector goes on with a token that has expired.',
    edits: [
      {
        file: 'connectors/cylance/shared/token.ts',
        find: 'if (token !== undefined && services.now() < token.renewAtMs) return token.text;',
        put: 'if (token !== undefined) return token.text;',
      },
    ],
    tests: ['test/engine/token.test.ts'],
  },
  {
    name: 'keep-a-refused-token',
    fault: 'Once the vendor ends a token early, the connector is refused for as long as the token says that it lives.',
    edits: [
      {
        file: 'connectors/cylance/shared/token.ts',
        find: 'if (token?.text === text) token = undefined;',
        put: 'void text;',
      },
    ],
    tests: ['test/engine/token.test.ts'],
  },
  {
    name: 'marker-before-transaction',
    fault: 'The marker is read while a transaction of the process before may still be committed.',
    edits: [
      {
        file: 'src/sinks/kafka/session.ts',
        find: 'producer.connect().then(() => (settings.transactions ? producer.transaction() : undefined));',
        put: 'producer.connect().then(() => undefined);',
      },
    ],
    tests: ['test/sinks/kafka-marker.test.ts'],
  },
  {
    name: 'interrupted-live-walk-anew',
    fault: 'What an interrupted live walk had not read yet is read by none.',
    edits: [
      {
        file: WALK,
        find: 'if (saved !== undefined && saved.finishedAtMs === undefined && saved.range.fromMs <= pipeline.now()) {',
        put: `if (walk.kind !== 'live' && saved !== undefined && saved.finishedAtMs === undefined && saved.range.fromMs <= pipeline.now()) {`,
      },
    ],
    tests: ['test/engine/awkward-moments.test.ts'],
  },
  {
    name: 'interrupted-live-walk-left',
    fault: 'The poll after an interrupted one leaves nothing to the catch-up.',
    edits: [
      {
        file: 'src/engine/schedule.ts',
        find: `pipeline.state.handOver('live', CATCH_UP, CATCH_UP, nowMs);`,
        put: `pipeline.state.finish('live', nowMs);`,
      },
    ],
    // What is left is read all the same, as a hole, but later and from its beginning: nothing is lost.
    tests: ['test/engine/awkward-moments.test.ts'],
  },
  {
    name: 'child-before-its-records',
    fault: 'A child counts as read while its records are still on their way.',
    edits: [
      {
        file: WRITER,
        find: 'const children = completed.flatMap((page) => page.child ?? []);',
        put: 'const children = [...completed, ...pages].flatMap((page) => page.child ?? []);',
      },
    ],
    tests: ['test/engine/awkward-moments.test.ts', 'test/engine/every-moment.test.ts'],
  },
  {
    name: 'child-before-another-walk',
    fault: 'A child counts as read while another walk still ships its records.',
    edits: [
      {
        file: WALK,
        find: 'const isVouchedFor = page.window !== undefined && isClaimedElsewhere(pipeline, walk, seen);',
        put: 'const isVouchedFor = false;',
      },
    ],
    tests: ['test/engine/awkward-moments.test.ts'],
  },
  {
    name: 'unsettled-window-tells-deletions',
    fault: 'A record that a moving window happened not to show is suspected of being deleted.',
    edits: [
      {
        file: WINDOWS,
        find: 'const ask = settled ? known.filter((key) => !seen.has(key)) : [];',
        put: 'const ask = known.filter((key) => !seen.has(key));',
      },
    ],
    tests: ['test/engine/windows.test.ts'],
  },
  {
    name: 'unsettled-list-tells-deletions',
    fault: 'A record that a moving list without details happened not to show twice is told as deleted.',
    edits: [
      { file: 'src/reading/snapshot.ts', find: 'ask: settled ? [...missing] : [],', put: 'ask: [...missing],' },
      {
        file: 'src/engine/completeness/missing.ts',
        find: 'stream.tombstone === undefined || !accepted?.settled) return [];',
        put: 'stream.tombstone === undefined || accepted === undefined) return [];',
      },
    ],
    tests: ['test/engine/snapshot.test.ts', 'test/engine/list-deletions.test.ts'],
  },
];
