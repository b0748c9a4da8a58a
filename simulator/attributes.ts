import { fraction, mix, SALT } from './hash.ts';
import { DEVICE_COUNT, type DeviceFacts, makeDevices, makeUsers, type UserFacts } from './names.ts';
import { makeRules, RULE_COUNT, type RuleFacts } from './rules.ts';

export const SEVERITIES = ['Informational', 'Low', 'Medium', 'High'] as const;
export const STATUSES = ['New', 'In Progress', 'Follow Up', 'Reviewed', 'Done', 'False Positive'] as const;

/** Everything that is fixed for a tenant: the input of the pure functions below besides a serial. */
export interface Facts {
  seed: number;
  tenantId: string;
  plantSecrets: boolean;
  /** Whether forms that public clients do not expect are served too. */
  oddForms: boolean;
  devices: DeviceFacts[];
  users: UserFacts[];
  rules: RuleFacts[];
}

export function makeFacts(settings: Pick<Facts, 'seed' | 'tenantId' | 'plantSecrets' | 'oddForms'>): Facts {
  const { seed, tenantId, plantSecrets, oddForms } = settings;
  const tables = { devices: makeDevices(seed), users: makeUsers(seed), rules: makeRules(seed) };
  return { seed, tenantId, plantSecrets, oddForms, ...tables };
}

/** The rule of a detection; some rules and devices have many more detections than others. */
export function ruleIndex(facts: Facts, serial: number): number {
  const u = fraction(facts.seed, serial, SALT.rule);
  return Math.floor(u * u * RULE_COUNT);
}

export function deviceIndex(facts: Facts, serial: number): number {
  const u = fraction(facts.seed, serial, SALT.device);
  return Math.floor(u * Math.sqrt(u) * DEVICE_COUNT);
}

/** The severity of a detection: mostly that of its rule, now and then another one. */
export function severityIndex(facts: Facts, serial: number): number {
  const draw = mix(facts.seed, serial, SALT.severity);
  if (draw % 10 === 0) return (draw >>> 8) % SEVERITIES.length;
  return facts.rules[ruleIndex(facts, serial)]?.severity ?? 0;
}

/** The status a detection starts with; a living tenant may change it. */
export function initialStatus(facts: Facts, serial: number): number {
  const percent = mix(facts.seed, serial, SALT.status) % 100;
  if (percent < 62) return 0;
  if (percent < 70) return 1;
  if (percent < 75) return 2;
  if (percent < 83) return 3;
  return percent < 95 ? 4 : 5;
}

/** The parts of a detection that can change. Everything else is fixed by its serial. */
export interface State {
  status: number;
  /** The number of edits of the comment; 0 for the first comment. */
  comment: number;
  /** The number of responses that were added later. */
  responses: number;
}

/** A detection at one moment: the input of the functions that write list items and details. */
export interface Moment {
  serial: number;
  time: number;
  received: number;
  state: State;
}
