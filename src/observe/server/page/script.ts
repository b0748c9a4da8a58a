/**
 * The script of the status page. It is sent as text, so that it uses nothing from outside of this function but types. What
 * others said becomes text, never HTML, and every element is made once and then changed.
 */
import type {
  JobStatus,
  SinkStatus,
  SourceStatus,
  Status,
  StreamStatus,
  WaitingFor,
  WalkStatus,
} from '../../status/model.ts';
import type { PageElement, PageWindow } from './browser.ts';

export function pageScript(): void {
  const { document, EventSource, fetch, confirm } = globalThis as unknown as PageWindow;
  const SVG = 'http://www.w3.org/2000/svg';
  const byId = (id: string) => document.getElementById(id) as PageElement;
  const canAct = document.body.dataset.canAct === 'true';

  type Attributes = Record<string, string>;
  const make = (name: string, attributes: Attributes = {}, ...inside: (PageElement | string)[]): PageElement => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...inside);
    return element;
  };
  const say = (element: PageElement, text: string): void => {
    if (element.textContent !== text) element.textContent = text;
  };
  const show = (element: PageElement, isShown: boolean): void => {
    if (element.hidden === isShown) element.hidden = !isShown;
  };
  const set = (element: PageElement, name: string, value: string): void => {
    if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  };

  /** Keeps an element for each item, in their order; `change` brings one up to date. */
  const keyed = <Item>(parent: PageElement, keyOf: (item: Item) => string, begin: (item: Item) => Kept<Item>) => {
    const kept = new Map<string, Kept<Item>>();
    return (items: readonly Item[]): void => {
      const keys = new Set(items.map(keyOf));
      for (const [key, { element }] of kept) {
        if (keys.has(key)) continue;
        element.remove();
        kept.delete(key);
      }
      items.forEach((item, index) => {
        const key = keyOf(item);
        const one = kept.get(key) ?? begin(item);
        kept.set(key, one);
        if (parent.children[index] !== one.element) parent.insertBefore(one.element, parent.children[index] ?? null);
        one.change(item);
      });
    };
  };
  interface Kept<Item> {
    element: PageElement;
    change(item: Item): void;
  }

  const count = (number: number) => number.toLocaleString('en-US');
  const duration = (seconds: number | undefined): string => {
    if (seconds === undefined) return '–';
    if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
    if (seconds < 120) return `${Math.round(seconds)} s`;
    if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
    return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`;
  };
  let nowMs = 0;
  const ago = (at: string | undefined): string =>
    at === undefined
      ? 'never'
      : nowMs - Date.parse(at) < 1000
        ? 'now'
        : `${duration((nowMs - Date.parse(at)) / 1000)} ago`;
  const time = (at: string | undefined): string => (at === undefined ? '–' : new Date(at).toLocaleString());
  const percent = (share: number): string => `${Math.round(share * 100)} %`;
  const waits = (waiting: WaitingFor | undefined): string =>
    waiting === undefined ? '–' : `${duration(waiting.seconds)}, for the ${waiting.for}: ${waiting.why}`;

  const stateOf = (element: PageElement, state: string): void => {
    const name = `state ${state}`;
    if (element.className !== name) element.className = name;
    say(element, state);
  };

  /** A list of names and values, whose values are changed in place. */
  const facts = (parent: PageElement) => {
    const list = make('dl');
    parent.append(list);
    const values = new Map<string, PageElement>();
    return (all: readonly (readonly [string, string])[]): void => {
      for (const [name, text] of all) {
        let value = values.get(name);
        if (value === undefined) {
          value = make('dd');
          values.set(name, value);
          const isLong = name === 'Waits' || name === 'Last error' || name.startsWith('Ledger');
          list.append(make('div', isLong ? { class: 'long' } : {}, make('dt', {}, name), value));
        }
        say(value, text);
      }
    };
  };

  /** A table with a row for each item. Narrow screens scroll it, by keyboard as well. */
  const table = <Item>(
    parent: PageElement,
    { caption, head }: { caption: string; head: readonly string[] },
    keyOf: (item: Item) => string,
    cellsOf: (item: Item) => readonly string[],
  ) => {
    const body = make('tbody');
    const names = head.map((name) => make('th', { scope: 'col' }, name));
    const whole = make('table', {}, make('caption', {}, caption), make('thead', {}, make('tr', {}, ...names)), body);
    const wide = make('div', { class: 'wide', tabindex: '0', role: 'region', 'aria-label': caption }, whole);
    parent.append(wide);
    const rows = keyed<Item>(body, keyOf, () => {
      const cells = head.map((_, index) =>
        index === 0 ? make('th', { scope: 'row' }) : make('td', index === head.length - 1 ? { class: 'why' } : {}),
      );
      const element = make('tr', {}, ...cells);
      return {
        element,
        change(item) {
          for (const [index, text] of cellsOf(item).entries()) say(cells[index] as PageElement, text);
        },
      };
    });
    return (items: readonly Item[]): void => {
      show(wide, items.length > 0);
      rows(items);
    };
  };

  const act = async (body: object): Promise<void> => {
    const acted = byId('acted');
    const token = byId('token').value;
    if (token === '') {
      say(acted, 'Write the token first.');
      return;
    }
    say(acted, 'Asking …');
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
    try {
      const reply = await fetch('/api/act', { method: 'POST', headers, body: JSON.stringify(body) });
      const { message = '', advice = '' } = (await reply.json()) as { message?: string; advice?: string };
      say(acted, `${reply.ok ? 'Done' : 'Not done'}: ${message}. ${advice}`);
    } catch {
      say(acted, 'Not done: Sluice does not answer.');
    }
  };
  const button = (text: string, label: string, body: object, question?: string): PageElement => {
    const element = make('button', { type: 'button', 'aria-label': label }, text);
    element.addEventListener('click', () => {
      if (question === undefined || confirm(question)) void act(body);
    });
    return element;
  };

  /** Records a minute, over the last hour. */
  const sparkline = () => {
    const path = document.createElementNS(SVG, 'path');
    const element = document.createElementNS(SVG, 'svg');
    for (const [name, value] of [
      ['viewBox', '0 0 59 20'],
      ['preserveAspectRatio', 'none'],
      ['role', 'img'],
    ] as const)
      element.setAttribute(name, value);
    element.append(path);
    return {
      element,
      change(perMinute: readonly number[]): void {
        const most = Math.max(1, ...perMinute);
        const points = perMinute.map((value, index) => `${index} ${(19 - (value / most) * 18).toFixed(1)}`);
        set(path, 'd', `M${points.join('L')}`);
        const sum = perMinute.reduce((total, value) => total + value, 0);
        set(
          element,
          'aria-label',
          `documents a minute: ${count(sum)} in the last hour, at most ${count(Math.max(...perMinute))} in one minute`,
        );
      },
    };
  };

  const streams = keyed<StreamStatus>(
    byId('stream-list'),
    ({ pipeline }) => pipeline,
    (stream) => {
      const badge = make('span');
      const line = sparkline();
      const labelled = (label: string): [PageElement, PageElement] => {
        const value = make('span');
        return [make('span', { class: 'fact' }, make('span', { class: 'label' }, label), value), value];
      };
      const [lagBox, lag] = labelled('behind');
      const [lastBox, last] = labelled('last document');
      const [openBox, open] = labelled('to look at');
      const title = make(
        'h3',
        {},
        `${stream.stream} `,
        make('span', { class: 'soft' }, `${stream.source} → ${stream.sink}`),
      );
      const spark = make('span', {}, line.element);
      const summary = make(
        'summary',
        {},
        title,
        make('span', { class: 'badge' }, badge),
        lagBox,
        lastBox,
        openBox,
        spark,
      );
      const inside = make('div', { class: 'inside' });
      const element = make('details', { class: 'card' }, summary, inside);
      const reason = make('p');
      const advice = make('p', { class: 'soft' });
      inside.append(reason, advice);
      const told = facts(inside);
      const walks = table<WalkStatus>(
        inside,
        {
          caption: 'Walks',
          head: ['walk', 'state', 'last success', 'last document', 'newest record', 'delivered', 'waits'],
        },
        ({ walk }) => walk,
        (walk) => [
          walk.walk,
          walk.state,
          ago(walk.lastSuccess),
          ago(walk.lastDocument),
          time(walk.newestRecord),
          count(walk.delivered),
          walk.reason ?? waits(walk.waiting),
        ],
      );
      const rejected = table<StreamStatus['rejections']['causes'][number]>(
        inside,
        {
          caption: 'Documents that the sink refused',
          head: ['cause', 'field', 'documents', 'what to do', 'what the sink says'],
        },
        ({ cause, field = '' }) => `${cause} ${field}`,
        ({ cause, field = '–', documents, suggestion, reason: said }) => [
          cause,
          field,
          count(documents),
          suggestion,
          said,
        ],
      );
      const days = table<StreamStatus['days'][number]>(
        inside,
        { caption: 'Days (UTC): what of each was read to its end', head: ['day', 'read', 'gaps'] },
        ({ day }) => day,
        ({ day, read, gaps }) => [
          day,
          read > 0 && read < 1 ? `${(Math.floor(read * 1000) / 10).toFixed(1)} %` : percent(read),
          count(gaps),
        ],
      );
      if (canAct) {
        const { source, stream: name } = stream;
        inside.append(
          button(
            'Pause',
            `Pause ${source} ${name}`,
            { action: 'pause', source, stream: name },
            `Stop reading ${name} of ${source}?`,
          ),
          button('Resume', `Resume ${source} ${name}`, { action: 'resume', source, stream: name }),
        );
      }
      return {
        element,
        change(one) {
          stateOf(badge, one.state);
          say(lag, duration(one.lagSeconds));
          say(last, ago(one.lastDocument));
          const { gaps, rejections, ledger } = one;
          const parts = [
            ...(gaps.count > 0 ? [gaps.count === 1 ? '1 gap' : `${count(gaps.count)} gaps`] : []),
            ...(rejections.waiting > 0 ? [`${count(rejections.waiting)} refused`] : []),
            ...(one.owed > 0 ? [`${count(one.owed)} owed`] : []),
          ];
          say(open, parts.length > 0 ? parts.join(', ') : 'nothing');
          line.change(one.perMinute);
          if (!element.open) return;
          show(reason, one.reason !== undefined);
          say(reason, one.reason ?? '');
          show(advice, one.advice !== undefined);
          say(advice, one.advice === undefined ? '' : `→ ${one.advice}`);
          const sum = `${count(ledger.distinct)} records = ${count(ledger.delivered)} delivered + ${count(ledger.givenUp)} given up + ${count(ledger.unchanged)} unchanged + ${count(ledger.rejected)} refused + ${count(ledger.owed)} owed + ${count(ledger.dropped)} dropped`;
          told([
            ['In this state since', time(one.since)],
            ['Settled up to', time(one.settledUntil)],
            ['Objective', duration(one.objectiveSeconds)],
            ['Newest record', time(one.newestRecord)],
            ['Last success', ago(one.lastSuccess)],
            ['Last document', time(one.lastDocument)],
            [
              'Quiet for',
              `${duration(one.quietSeconds)}; expected: ${one.expectWithinSeconds === undefined ? 'not known' : `at most ${duration(one.expectWithinSeconds)}`}`,
            ],
            ['Waits', waits(one.waiting)],
            ['Delivered since the start', count(one.delivered)],
            ['Refused since the start', count(one.rejected)],
            ['Ledger since the start', `${sum}${ledger.isBalanced ? '' : ' (DOES NOT ADD UP)'}`],
            ['Gaps', gaps.count === 0 ? 'none' : `${count(gaps.count)}, the oldest since ${time(gaps.since)}`],
            [
              'Last error',
              one.error === undefined
                ? 'none'
                : `${one.error.message}${one.error.advice === undefined ? '' : ` → ${one.error.advice}`}`,
            ],
          ]);
          walks(one.walks);
          rejected(rejections.causes);
          days(one.days);
        },
      };
    },
  );

  const sources = keyed<SourceStatus>(
    byId('sources'),
    ({ source }) => source,
    ({ source, connector }) => {
      const badge = make('span');
      const element = make(
        'div',
        { class: 'card' },
        make('h3', {}, `${source} `, make('span', { class: 'soft' }, connector), ' ', badge),
      );
      const told = facts(element);
      if (canAct)
        element.append(
          button('Pause all', `Pause all of ${source}`, { action: 'pause', source }, `Stop reading ${source}?`),
          button('Resume all', `Resume all of ${source}`, { action: 'resume', source }),
        );
      return {
        element,
        change({ state, requests, throttled, budget }) {
          stateOf(badge, state);
          const { allowedPerSecond: allowed } = budget;
          const slowed = allowed < budget.requestsPerSecond ? `, slowed to ${allowed.toFixed(1)}` : '';
          const all = Object.entries(requests);
          const sum = all.reduce((total, [, number]) => total + number, 0);
          told([
            [
              'Requests',
              `${count(sum)}${sum > 0 ? `: ${all.map(([status, number]) => `${count(number)} × ${status}`).join(', ')}` : ''}`,
            ],
            ['Asked for a slower pace (429)', count(throttled)],
            [
              'Rate budget',
              `${budget.requestsPerSecond} a second${slowed}, ${percent(budget.usedRatio)} of it used in the last minute`,
            ],
            [
              'Waited for the budget',
              `${duration(budget.waitedSeconds)} in all${budget.waitingSeconds > 0 ? `, ${duration(budget.waitingSeconds)} now` : ''}`,
            ],
          ]);
        },
      };
    },
  );

  const sinks = keyed<SinkStatus>(
    byId('sinks'),
    ({ sink }) => sink,
    ({ sink, type }) => {
      const badge = make('span');
      const element = make(
        'div',
        { class: 'card' },
        make('h3', {}, `${sink} `, make('span', { class: 'soft' }, type), ' ', badge),
      );
      const told = facts(element);
      return {
        element,
        change(one) {
          stateOf(badge, one.state);
          told([
            [
              'A batch takes',
              one.meanSeconds === undefined
                ? '–'
                : `${duration(one.meanSeconds)} on average, the last one ${duration(one.lastSeconds)}`,
            ],
            ['Batches, documents', `${count(one.writes)}, ${count(one.documents)}`],
            ['Bytes', count(one.bytes)],
            ['Tried again', count(one.retries)],
            ['Refused documents that wait', count(one.rejectionsWaiting)],
            ...(one.templatesCurrent === undefined
              ? []
              : [
                  [
                    'Templates',
                    one.templatesCurrent ? 'of this version' : 'older than this version: run sluice setup',
                  ] as const,
                ]),
          ]);
        },
      };
    },
  );

  const jobs = keyed<JobStatus>(
    byId('jobs'),
    ({ id }) => String(id),
    ({ id, kind, from, to }) => {
      const status = make('span', { class: 'soft' });
      const progress = make('progress', { max: '1', 'aria-label': `Job ${id}` });
      const element = make('div', { class: 'card' }, make('h3', {}, `Job ${id}: ${kind} `, status), progress);
      const told = facts(element);
      if (canAct)
        element.append(
          button('Pause', `Pause job ${id}`, { action: 'pause', job: id }),
          button('Resume', `Resume job ${id}`, { action: 'resume', job: id }),
          button(
            'Cancel',
            `Cancel job ${id}`,
            { action: 'cancel', job: id },
            `Cancel job ${id}? What it delivered stays.`,
          ),
        );
      return {
        element,
        change(job) {
          say(status, `${job.status}, ${percent(job.part)}`);
          set(progress, 'value', job.part.toFixed(3));
          told([
            ['Time', `${time(from)} to ${time(to)}`],
            [
              'Records',
              job.records === undefined ? 'not counted yet' : `${count(job.finished)} of ${count(job.records)} done`,
            ],
            ['Delivered, refused', `${count(job.delivered)}, ${count(job.rejected)}`],
            ['Time left', job.secondsLeft === undefined ? 'not known' : `about ${duration(job.secondsLeft)}`],
            ['Waits behind', job.behind ?? '–'],
          ]);
        },
      };
    },
  );

  interface Attention {
    state: string;
    what: string;
    reason: string;
    advice: string;
  }
  const attention = keyed<Attention>(
    byId('attention'),
    ({ state, what, advice }) => `${state} ${what} ${advice}`,
    ({ state, what, advice }) => {
      const badge = make('span');
      stateOf(badge, state);
      const reason = make('p');
      const element = make('li', { class: 'card' }, badge, ' ', make('strong', {}, what), reason);
      if (advice !== '') element.append(make('p', { class: 'soft' }, `→ ${advice}`));
      return { element, change: (one) => say(reason, one.reason) };
    },
  );

  /** What is the same for several streams of a source is said once. */
  const attentionOf = ({ streams: all }: Status): Attention[] => {
    const groups = new Map<string, { first: StreamStatus; names: string[] }>();
    for (const stream of all) {
      if (stream.state === 'healthy') continue;
      const key = [stream.source, stream.state, stream.reason, stream.advice].join('\n');
      const group = groups.get(key) ?? { first: stream, names: [] };
      group.names.push(`${stream.stream} → ${stream.sink}`);
      groups.set(key, group);
    }
    return [...groups.values()].map(({ first, names }) => ({
      state: first.state,
      what: `${first.source}: ${names.length > 3 ? `${names.length} streams` : names.join(', ')}`,
      reason: first.reason ?? first.waiting?.why ?? '',
      advice: first.advice ?? '',
    }));
  };

  let last: Status | undefined;
  const update = (status: Status): void => {
    nowMs = Date.parse(status.at);
    if (last !== undefined && last.state !== status.state) say(byId('news'), `Sluice is ${status.state} now`);
    last = status;
    stateOf(byId('state'), status.state);
    say(byId('version'), `version ${status.version}, running since ${time(status.startedAt)}`);
    say(byId('updated'), `as of ${new Date(status.at).toLocaleTimeString()}`);
    document.title = status.state === 'healthy' ? 'Sluice' : `${status.state}: Sluice`;
    const open = attentionOf(status);
    show(byId('well'), open.length === 0);
    attention(open);
    show(byId('jobs-section'), status.jobs.length > 0);
    jobs(status.jobs);
    streams(status.streams);
    sources(status.sources);
    sinks(status.sinks);
  };
  // What was opened has not been filled yet.
  byId('stream-list').addEventListener('click', () => setTimeout(() => last !== undefined && streams(last.streams), 0));
  byId('act').addEventListener('submit', (event) => event.preventDefault());
  show(byId('act'), canAct);
  show(byId('cannot-act'), !canAct);

  const connection = byId('connection');
  const source = new EventSource('/api/events');
  source.onmessage = ({ data }) => {
    show(connection, false);
    update(JSON.parse(data) as Status);
  };
  source.onerror = () => {
    say(connection, 'Sluice does not answer: what stands here is old.');
    show(connection, true);
  };
}
