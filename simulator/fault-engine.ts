import { type FaultName, type FaultPlan, type FaultRule, type Stage, stageOf } from './fault-plan.ts';
import { fraction, SALT } from './hash.ts';

/** A fault that is due. `turn` counts how often its rule has fired, from 0. */
export interface Due {
  rule: FaultRule;
  turn: number;
}

export interface FaultEngine {
  /** The fault for this request at this stage, if one is due. Of several, the first rule of the plan wins. */
  due(stage: Stage, endpoint: string): Due | undefined;
  /** Whether this detail fails for ever, without counting a fault. */
  detailFails(serial: number): boolean;
  /** The status if this detail fails for ever; counts the fault. */
  failDetail(serial: number): number | undefined;
  /** The status if a page that reaches so many items deep fails. */
  failPage(depth: number, endpoint: string): number | undefined;
  /** The vendor's clock. */
  now(): number;
  done(): Record<string, number>;
  unused(): string[];
}

interface Live {
  rule: FaultRule;
  index: number;
  looked: number;
  fired: number;
}

function matches(rule: FaultRule, endpoint: string): boolean {
  return rule.endpoint === undefined || rule.endpoint === 'any' || rule.endpoint === endpoint;
}

function oneStatus(rule: FaultRule, turn: number): number {
  const list = [rule.status ?? 500].flat();
  return list[turn % list.length] ?? 500;
}

export function createFaultEngine(seed: number, plan: FaultPlan): FaultEngine {
  const startedAtMs = Date.now();
  const lives: Live[] = plan.map((rule, index) => ({ rule, index, looked: 0, fired: 0 }));
  const standing = (name: FaultName) => lives.filter((live) => live.rule.fault === name);
  const failing = standing('detail-fails');
  const deep = standing('deep-pages-fail');
  const skewed = standing('clock-skew');
  const skewMs = skewed.reduce((sum, live) => sum + (live.rule.seconds ?? 0) * 1000, 0);

  /** Counts one more request, and returns whether the rule fires. */
  const triggers = (live: Live): boolean => {
    const { every, probability, requests, times, fromMs = 0, untilMs = Number.POSITIVE_INFINITY } = live.rule;
    live.looked++;
    const passedMs = Date.now() - startedAtMs;
    if (passedMs < fromMs || passedMs >= untilMs) return false;
    if (times !== undefined && live.fired >= times) return false;
    if (every !== undefined && live.looked % every !== 0) return false;
    if (requests !== undefined && !requests.includes(live.looked)) return false;
    return probability === undefined || fraction(seed + live.index, live.looked, SALT.faults) < probability;
  };

  const due: FaultEngine['due'] = (stage, endpoint) => {
    let first: Due | undefined;
    for (const live of lives) {
      if (stageOf(live.rule) !== stage || !matches(live.rule, endpoint)) continue;
      // Every rule counts every request, so that "every third" stays every third whatever else is in the plan.
      if (triggers(live) && !first) first = { rule: live.rule, turn: live.fired++ };
    }
    return first;
  };

  const failsIn = (live: Live, serial: number) =>
    fraction(seed + live.index, serial, SALT.detailFails) < (live.rule.fraction ?? 0);

  const failDetail = (serial: number): number | undefined => {
    const live = failing.find((candidate) => failsIn(candidate, serial));
    return live && oneStatus(live.rule, live.fired++);
  };

  const failPage: FaultEngine['failPage'] = (depth, endpoint) => {
    const concerns = ({ endpoint: wanted = 'list' }: FaultRule) => wanted === 'any' || wanted === endpoint;
    const live = deep.find(
      (candidate) => concerns(candidate.rule) && depth > (candidate.rule.beyond ?? 0) && triggers(candidate),
    );
    return live && oneStatus(live.rule, live.fired++);
  };

  const done = (): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const { rule, fired } of lives) if (fired > 0) counts[rule.fault] = (counts[rule.fault] ?? 0) + fired;
    return counts;
  };

  return {
    due,
    detailFails: (serial) => failing.some((live) => failsIn(live, serial)),
    failDetail,
    failPage,
    now: () => {
      for (const live of skewed) live.fired++;
      return Date.now() + skewMs;
    },
    done,
    unused: () => lives.filter((live) => live.fired === 0).map((live) => `rule ${live.index + 1} (${live.rule.fault})`),
  };
}
