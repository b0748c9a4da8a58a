/** The progress of a long command: a bar on a terminal, a plain line every few seconds elsewhere. */
import cliProgress from 'cli-progress';
import type { Redactor } from '../redaction/redactor.ts';
import type { Output, Terminal } from './output.ts';
import { showCount, showDuration } from './show.ts';

export interface Standing {
  /** 0 to 1. */
  part: number;
  delivered: number;
  /** How many records the vendor has counted, and with how many of them nothing is left to do. */
  records?: number;
  finished?: number;
  /** How long it takes still; null while nobody can tell. Measured here, by the pace of `part`, where it is left out. */
  leftMs?: number | null;
  /** What has become of so many; delivered, where this is left out. */
  as?: string;
  /** A text shown beside the bar, such as the reason for waiting. */
  note?: string;
}

export interface Progress {
  stop(): void;
}

/** The destination of the log: stderr, or the space above the bar while there is one. */
export interface Talk {
  write(text: string): void;
  /** Sends the log to `write`, until called with `undefined`. */
  redirect(write: ((text: string) => void) | undefined): void;
}

export function openTalk(terminal: Terminal): Talk {
  let instead: ((text: string) => void) | undefined;
  return {
    write: (text) => void (instead === undefined ? terminal.write(text) : instead(text)),
    redirect: (write) => {
      instead = write;
    },
  };
}

interface ProgressOptions {
  title: string;
  cli: { terminal: Terminal; stderr: Output; isTty: boolean; redactor: Redactor };
  talk: Talk;
  standing: () => Standing;
  now?: () => number;
}

const BAR_MS = 200;
const LINE_MS = 5000;
/** The longest note: no terminal is wider. */
const LONGEST_NOTE = 400;
/** The rate is measured over the last so many milliseconds. */
const RATE_MS = 10_000;

export function startProgress(options: ProgressOptions): Progress {
  const describe = describer(options.now ?? (() => performance.now()));
  return options.cli.isTty ? startBar(options, describe) : startLines(options, describe);
}

function startBar({ title, cli, talk, standing }: ProgressOptions, describe: Describe): Progress {
  const format = `${title} {bar} {percent} % · {text}`;
  const { rect } = cliProgress.Presets;
  const bars = new cliProgress.MultiBar(
    {
      format,
      stream: cli.terminal as NodeJS.WriteStream,
      gracefulExit: false,
      hideCursor: true,
      barsize: 24,
      clearOnComplete: true,
      linewrap: false,
    },
    rect,
  );
  const bar = bars.create(1000, 0, { percent: 0, text: 'starting' });
  const update = () => {
    const { percent, text, part } = describe(standing());
    bar.update(Math.round(part * 1000), { percent, text: cli.redactor.show(text, LONGEST_NOTE) });
  };
  const timer = setInterval(update, BAR_MS);
  talk.redirect((text) => bars.log(text.endsWith('\n') ? text : `${text}\n`));
  return {
    stop() {
      clearInterval(timer);
      talk.redirect(undefined);
      bars.update();
      bars.stop();
    },
  };
}

function startLines({ title, cli, standing }: ProgressOptions, describe: Describe): Progress {
  const timer = setInterval(() => {
    const { percent, text } = describe(standing());
    cli.stderr.line(`${title}: ${percent} %, ${text.replaceAll(' · ', ', ')}`);
  }, LINE_MS);
  return { stop: () => clearInterval(timer) };
}

type Describe = (standing: Standing) => { percent: number; part: number; text: string };

/** Remembers recent progress to tell the rate and the remaining time. */
function describer(now: () => number): Describe {
  const past: { at: number; delivered: number; part: number }[] = [];
  return ({ part, delivered, as = 'delivered', records, finished = 0, leftMs, note }) => {
    const at = now();
    past.push({ at, delivered, part });
    while (past.length > 2 && at - (past[0]?.at ?? at) > RATE_MS) past.shift();
    const first = past[0] ?? { at, delivered, part };
    const seconds = Math.max(0.001, (at - first.at) / 1000);
    const rate = Math.round((delivered - first.delivered) / seconds);
    const pace = (part - first.part) / seconds;
    const measured = pace > 0 && part < 1 && seconds >= 1 ? ((1 - part) / pace) * 1000 : undefined;
    const ms = leftMs === undefined ? measured : (leftMs ?? undefined);
    const left = ms === undefined || part >= 1 ? undefined : `${showDuration(ms)} left`;
    const parts = [
      records === undefined ? undefined : `${showCount(Math.min(finished, records))} of ${showCount(records)} read`,
      `${showCount(delivered)} ${as}`,
      seconds >= 1 ? `${showCount(Math.max(0, rate))}/s` : undefined,
      left,
      note,
    ];
    return { percent: Math.floor(part * 100), part, text: parts.filter((each) => each !== undefined).join(' · ') };
  };
}
