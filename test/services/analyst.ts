/** What the twelve questions of an analyst have for an answer, read from the simulator's records and from nothing of ours. */
import { QUESTIONS, type Question } from '../../content/kibana/definitions/questions.ts';
import type { PanelRow } from '../../content/kibana/query.ts';
import type { Simulator, TruthRow } from '../../simulator/index.ts';
import { parseTimeMs } from '../../src/index.ts';

interface Answer {
  question: string;
  panel: Question['panel'];
  chosen?: ReturnType<NonNullable<Question['chosen']>>;
  /** What is wrong. */
  judge(rows: readonly PanelRow[]): string[];
}

type Loose = Record<string, unknown>;

const SEVERITY: Record<string, string> = { High: 'High', Medium: 'Medium', Low: 'Low', Informational: 'Informational' };
const CLOSED = ['Done', 'False Positive'];

/** `run`: when the tenant was shipped; a closing is seen in between. */
export function answersOf(simulator: Simulator, run: { fromMs: number; toMs: number }): Answer[] {
  const detections = revisionsOf(simulator, 'cylance.detection');
  const hash = knownHash(simulator);
  const judges: Record<string, Answer['judge']> = {
    'alerts-by-severity': alertsBySeverity(detections),
    'top-rules': most(firsts(detections), ({ DetectionRule }) => (DetectionRule as Loose).Name, 10),
    'top-hosts': most(firsts(detections), ({ Device }) => (Device as Loose).Name, 10),
    'open-or-closed': counted(
      lasts(detections).map(({ Status }) => (CLOSED.includes(String(Status)) ? 'closed' : 'open')),
    ),
    'time-to-close': timeToClose(detections, run),
    'alerts-with-process': processAndUser(detections),
    'hash-streams': counted(documentsWith(simulator, hash)),
    'retrieval-states': counted(
      lasts(revisionsOf(simulator, 'cylance.retrieved_file')).map((one) => String(one.file_status)),
    ),
    'lockdowns-now': lockedNow(simulator),
    'instaquery-progress': progress(revisionsOf(simulator, 'cylance.instaquery')),
    'detection-states': states(detections),
    'footprint-hosts': footprintsByHost(simulator),
  };
  return QUESTIONS.map(({ question, panel, chosen }) => {
    const judge = judges[panel.name];
    if (judge === undefined) throw new Error(`nobody knows the answer to: ${question}`);
    return { question, panel, judge, ...(chosen === undefined ? {} : { chosen: chosen(hash) }) };
  });
}

/** The revisions of each record, in their order. */
function revisionsOf(simulator: Simulator, stream: string): Map<string, TruthRow[]> {
  return Map.groupBy([...simulator.truthOf(stream)], ({ id }) => id);
}

function firsts(records: Map<string, TruthRow[]>): Loose[] {
  return [...records.values()].map(([first]) => first?.record as Loose);
}

/** Of those that are still there. */
function lasts(records: Map<string, TruthRow[]>): Loose[] {
  return [...records.values()].flatMap((rows) => {
    const last = rows.at(-1);
    return last === undefined || last.kind === 'deleted' ? [] : [last.record as Loose];
  });
}

function tally(labels: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return counts;
}

/** The first measure of each row is the number of its label, and no row is missing. */
function counted(labels: readonly string[]): Answer['judge'] {
  const right = tally(labels.map((label) => label.trim()));
  return (rows) => {
    const shown = new Map(rows.map(({ labels: [label = ''], values }) => [label, values[0] as number]));
    const all = new Set([...right.keys(), ...shown.keys()]);
    return [...all]
      .filter((label) => right.get(label) !== shown.get(label))
      .map((label) => `${label}: ${shown.get(label)}, not ${right.get(label)}`);
  };
}

function most(records: readonly Loose[], nameOf: (record: Loose) => unknown, size: number): Answer['judge'] {
  const right = tally(records.map((record) => String(nameOf(record)).trim()));
  const best = [...right.values()].sort((one, other) => other - one).slice(0, size);
  return (rows) => {
    const wrong = rows.filter(({ labels: [label = ''], values }) => right.get(label) !== values[0]);
    const order = rows.map(({ values }) => values[0]);
    const faults = wrong.map(({ labels: [label = ''], values }) => `${label}: ${values[0]}, not ${right.get(label)}`);
    return JSON.stringify(order) === JSON.stringify(best) ? faults : [...faults, `${order}, not ${best}`];
  };
}

function alertsBySeverity(detections: Map<string, TruthRow[]>): Answer['judge'] {
  const labels = firsts(detections).map(({ OccurrenceTime, ActivationTime, ReceivedTime, Severity }) => {
    const ms = [OccurrenceTime, ActivationTime, ReceivedTime]
      .map((time) => parseTimeMs(time))
      .find((one) => one !== undefined);
    return `${new Date(ms as number).toISOString().slice(0, 10)} ${SEVERITY[String(Severity)]}`;
  });
  return (rows) =>
    counted(labels)(
      rows.map(({ labels: [day = '', severity], values }) => ({ labels: [`${day.slice(0, 10)} ${severity}`], values })),
    );
}

/** By the artifact that the detection calls its instigating process, and that process's owner. */
function processAndUser(detections: Map<string, TruthRow[]>): Answer['judge'] {
  const right = new Map(
    [...detections].map(([id, [first]]) => {
      const { InvolvedArtifacts, AssociatedArtifacts } = (first?.record ?? {}) as {
        InvolvedArtifacts?: Loose;
        AssociatedArtifacts?: Loose[];
      };
      const named = (role: string) => {
        const uid = (InvolvedArtifacts?.[role] as Loose | undefined)?.Uid;
        const name = AssociatedArtifacts?.find(({ Uid }) => Uid === uid)?.Name;
        return typeof name === 'string' ? name.trim() : name;
      };
      return [id, { process: named('InstigatingProcess'), user: named('InstigatingProcessOwner') }] as const;
    }),
  );
  const at = (name: string) => {
    const { panel } = QUESTIONS.find((one) => one.panel.name === 'alerts-with-process') as Question;
    return panel.as === 'search' ? panel.columns.indexOf(name) : -1;
  };
  return (rows) =>
    rows.flatMap(({ values }) => {
      const id = String(values[at('event.id')]);
      const wanted = right.get(id);
      if (wanted === undefined) return [`${id} is no detection`];
      const isRight = (said: unknown, name: unknown) => name === undefined || said === name;
      const [process, user] = [values[at('process.name')], values[at('user.name')]];
      if (isRight(process, wanted.process) && isRight(user, wanted.user)) return [];
      return [`${id}: ${process} of ${user}, not ${wanted.process} of ${wanted.user}`];
    });
}

/** The hash of a file that two streams know. */
function knownHash(simulator: Simulator): string {
  const hashes = [...simulator.truthOf('cylance.threat_device')].map(
    ({ record }) => ((record as Loose).Threat as Loose).sha256,
  );
  return String(hashes[0]).toLowerCase();
}

const WITH_HASHES = [
  'cylance.detection',
  'cylance.threat',
  'cylance.threat_device',
  'cylance.retrieved_file',
  'cylance.instaquery_result',
  'cylance.focus_view_result',
  'apex_central.footprint',
];

/** The stream of every revision in which the hash stands somewhere. */
function documentsWith(simulator: Simulator, hash: string): string[] {
  return WITH_HASHES.flatMap((stream) =>
    [...simulator.truthOf(stream)]
      .filter(({ record }) => JSON.stringify(record).toLowerCase().includes(hash))
      .map(() => stream),
  );
}

/** The newest entry of each device; of two in one second, the one that locks. */
function lockedNow(simulator: Simulator): Answer['judge'] {
  const entries = [...simulator.truthOf('cylance.device_lockdown')].map(
    ({ record }) => record as { timestamp: string; command: string; Device: { id: string } },
  );
  const states = [...Map.groupBy(entries, ({ Device }) => Device.id).values()].map((ours) => {
    const newest = Math.max(...ours.map(({ timestamp }) => parseTimeMs(timestamp) ?? 0));
    const last = ours.filter(({ timestamp }) => parseTimeMs(timestamp) === newest);
    return last.some(({ command }) => command !== 'ClearLockdown') ? 'locked' : 'unlocked';
  });
  return counted(states);
}

function progress(queries: Map<string, TruthRow[]>): Answer['judge'] {
  return (rows) => {
    const faults = rows.length === queries.size ? [] : [`${rows.length} queries, not ${queries.size}`];
    for (const {
      labels: [id = ''],
      values: [, , state, asked, answered],
    } of rows) {
      const last = queries.get(id)?.at(-1);
      if (last?.kind === 'deleted') {
        if (state !== 'deleted') faults.push(`${id} is ${state}, and was deleted`);
        continue;
      }
      const said = (last?.record as { progress?: { queried?: number; responded?: number } } | undefined)?.progress;
      if ((said?.queried ?? null) !== asked || (said?.responded ?? null) !== answered)
        faults.push(`${id}: ${answered} of ${asked}, not ${said?.responded} of ${said?.queried}`);
    }
    return faults;
  };
}

function states(detections: Map<string, TruthRow[]>): Answer['judge'] {
  return (rows) => {
    const shown = Math.min(1000, detections.size);
    const faults = rows.length === shown ? [] : [`${rows.length} detections, not ${shown}`];
    for (const {
      labels: [id = ''],
      values,
    } of rows) {
      const revisions = detections.get(id) ?? [];
      const last = revisions.at(-1)?.record as Loose | null | undefined;
      if ((last?.Status ?? null) !== values[1]) faults.push(`${id} is ${values[1]}, not ${last?.Status}`);
      if (revisions.length !== values[5]) faults.push(`${id} has ${values[5]} revisions, not ${revisions.length}`);
    }
    return faults;
  };
}

/** A host for each agent; what a host is called stands in the list of endpoints, which is not of the records. */
function footprintsByHost(simulator: Simulator): Answer['judge'] {
  const agents = tally(
    [...simulator.truthOf('apex_central.footprint')].map(({ record }) => String((record as Loose).agentGuid)),
  );
  const names = new Map(
    [...simulator.truthOf('cylance.device')].map(({ record }) => {
      const { id, name } = (record ?? {}) as Loose;
      return [String(id).toUpperCase(), String(name).trim()] as const;
    }),
  );
  const right = [...agents].sort(([, one], [, other]) => other - one);
  const known = right.flatMap(([agent, count]) => (names.has(agent) ? [[names.get(agent), count] as const] : []));
  return (rows) => {
    const shown = new Map(rows.map(({ labels: [label = ''], values }) => [label, values[0]]));
    const faults = known
      .filter(([name, count]) => shown.get(name ?? '') !== count)
      .map(([name, count]) => `${name}: ${shown.get(name ?? '')}, not ${count}`);
    const counts = [...shown.values()].join();
    const wanted = right.map(([, count]) => count).join();
    return counts === wanted ? faults : [...faults, `${counts}, not ${wanted}`];
  };
}

/** From the endpoint's time of each detection to some moment of the run: those that were open before they were closed. */
function timeToClose(
  detections: Map<string, TruthRow[]>,
  { fromMs, toMs }: { fromMs: number; toMs: number },
): Answer['judge'] {
  const isClosed = ({ kind, record }: TruthRow) =>
    kind !== 'deleted' && CLOSED.includes(String((record as Loose).Status));
  const begins: number[] = [];
  for (const rows of detections.values()) {
    rows.forEach((row, at) => {
      const before = rows[at - 1];
      if (before === undefined || !isClosed(row) || isClosed(before)) return;
      const { ActivationTime, OccurrenceTime, ReceivedTime } = row.record as Loose;
      const times = [ActivationTime, OccurrenceTime, ReceivedTime].map((time) => parseTimeMs(time));
      begins.push(times.find((time) => time !== undefined) as number);
    });
  }
  const mean = begins.reduce((sum, ms) => sum + ms, 0) / begins.length;
  const [least, most] = [(fromMs - mean) * 1e6, (toMs - mean) * 1e6];
  return (rows) => {
    const said = rows[0]?.values[0] as number;
    if (begins.length === 0) return ['the simulator closed nothing'];
    return said >= least && said <= most
      ? []
      : [`${said} ns, not between ${least} and ${most} (${begins.length} closings)`];
  };
}
