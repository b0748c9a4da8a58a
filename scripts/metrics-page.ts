/** docs/metrics.md: the table of the metrics, from the one that makes them. */
import { FAMILIES } from '../src/observe/status/metrics.ts';

const HEAD = `# Status and metrics

<!-- Made by \`npm run docs\` from scripts/metrics-page.ts and src/observe/status/metrics.ts. -->

With \`health.port\` set, \`sluice run\` serves the status page at \`/\`, the same as JSON at \`/api/status\`, metrics for Prometheus at \`/metrics\`, and \`/healthz\` and \`/readyz\` for orchestrators. \`sluice status\` shows the status in a terminal (\`--watch\`, \`--json\`, \`--all\`; exit code 1 when something fails); where no \`run\` answers, it shows what the state remembers, and says so. All of them tell the same: one table of rules (\`src/observe/status/rules.ts\`) says the state of each stream and of each walk.

## States

| state | what it means | what to do |
|---|---|---|
| \`healthy\` | nothing to look at | nothing |
| \`paused\` | a person has paused it | nothing, until it is to go on |
| \`degraded\` | everything goes on, and something is worth a look: requests that have not succeeded for a minute, a rate limit of the vendor, a lag beyond the objective, gaps older than 15 minutes, documents that the sink refused, an inventory that shrank, a clock that is wrong | the reason says it |
| \`silent\` | requests succeed, and nothing new came for longer than expected | look into the vendor's console |
| \`failing\` | requests or writes have not succeeded for two minutes (15 where the vendor only asks for a slower pace, with 429), or cannot until a person mends something: credentials, a full store of rejected documents | the advice says it |
| \`stopped\` | only a person can help; the pipeline does not go on by itself | the advice, then start Sluice again |

A stream that fails is never \`silent\`, and a quiet one is never \`failing\`. A walk has a state of its own: a list that answers 503 makes \`live\` fail while \`refresh\` goes on.

**Silent.** \`expect_within\` of a source says how long a stream may be without a new document. Where it does not, that is learned from the ledger: twice the longest such time of the last four weeks, without times in which nothing was read for more than two hours, and 15 minutes at least. Before a week and twenty arrivals are known, nothing is guessed, and no stream is silent. Backfills do not count.

**Latency.** \`sluice_delivery_latency_seconds\` counts each new record once: from when the vendor had it (the time at which it received it, where the record says that, else the time of the record) until the sink had acknowledged it. Streams without such a time, later revisions, and what the vendor had before the stream was watched are not in it; what came while Sluice was down is. \`objective\` of a source says how soon that should be; records that took longer are in \`sluice_delivery_late_total\`.

\`sluice load\` has health and metrics of its own: [load.md](load.md).

**\`/healthz\`** fails (503) for what a person has to mend, for a pipeline that is stuck, and for what has not succeeded for an hour. **\`/readyz\`** fails for every stream that is \`failing\` or \`stopped\`. Both have the state, the reason and the advice of each pipeline in their body.

## The status page

It listens where \`health.host\` says, 127.0.0.1 unless told otherwise, needs nothing from elsewhere, and is brought up to date every two seconds while somebody looks. Whoever reaches it may read it: it shows what metrics show, and errors in words, without secrets. Put a proxy with a login in front of it where that is too much.

- It answers to addresses, to \`localhost\`, and to the names in \`health.hosts\`: another name may have been pointed here by a page of somebody else. Probes and metrics answer to any name.
- Each open page holds one connection. A browser opens six to one address at most, so a seventh tab of the same browser waits; 100 are served at once.
- With \`health.token\` set, it pauses and resumes sources and streams, and pauses, resumes and cancels jobs, for who types the token; it is kept until the page is left. The request has to come from the page itself, and is logged. Why it is so: [decision 0068](decisions/0068-a-page-that-anybody-may-open.md).

## Metrics

Counters begin at 0 with each start, and with each config that is taken over (\`sluice reload\`). A value that is not known is left out. Times are seconds since 1970, durations seconds. Besides these, there are the usual ones of the process and of Node (\`process_…\`, \`nodejs_…\`).

`;

const QUESTIONS: readonly (readonly [string, string])[] = [
  [
    'Is it lagging?',
    '`sluice_stream_state{state="degraded"}`, `sluice_lag_seconds > sluice_delivery_objective_seconds`',
  ],
  [
    'How far behind is it?',
    '`sluice_lag_seconds`, `sluice_settled_timestamp_seconds`, `sluice_delivery_latency_seconds`',
  ],
  ['When was the last document?', '`time() - sluice_last_document_timestamp_seconds`'],
  [
    'Is it broken, or quiet?',
    '`sluice_stream_state{state="failing"}`, `sluice_walk_failing`, or `sluice_stream_state{state="silent"}`',
  ],
  [
    'What was rejected, and why?',
    '`sluice_rejections_waiting`, `sluice_rejected_total`; why: `sluice status`, `sluice rejections list`',
  ],
  [
    'The backfill: how far, and how long still?',
    '`sluice_job_delivered`, `sluice_job_records`, `sluice_job_remaining_seconds`',
  ],
  ['Is last Tuesday there?', '`sluice_day_read_ratio{days_ago="4"}` on a Saturday; older: `sluice gaps --from --to`'],
  [
    'How many requests, and what of the rate limit?',
    '`rate(sluice_requests_total[5m])`, `sluice_throttled_total`, `sluice_budget_used_ratio`, `sluice_budget_wait_seconds_total`',
  ],
  ['Which version, and are the templates current?', '`sluice_build_info`, `sluice_templates_current`'],
];

export function metricsMarkdown(): string {
  const rows = FAMILIES.map(
    ({ name, type, labels, help }) =>
      `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`,
  );
  const questions = QUESTIONS.map(([question, answer]) => `| ${question} | ${answer} |`);
  return [
    `${HEAD}| metric | type | labels | what it says |`,
    '|---|---|---|---|',
    ...rows,
    '',
    '## What an operator asks',
    '',
    '`sluice status` and the status page answer each of these in words. In Prometheus:',
    '',
    '| question | metric |',
    '|---|---|',
    ...questions,
    '',
  ].join('\n');
}
