import type { Json } from '../artifacts.ts';
import type { Facts } from '../attributes.ts';
import { type Draws, drawsFor, mix, SALT } from '../hash.ts';
import { detectionId, hex128, serialOf } from '../ids.ts';
import { SECRET_BASE, type Secrets, secretsFor } from '../secrets.ts';
import { isoText, writeTime } from '../times.ts';
import type { QueryArtifact, QueryPlan, QueryState } from './kinds.ts';

/** The id of a query: like that of a detection it carries its number, but without dashes and in upper case. */
export function queryId(seed: number, index: number): string {
  return detectionId(mix(seed, 0, SALT.query), index)
    .replaceAll('-', '')
    .toUpperCase();
}

export function queryIndexOf(seed: number, id: string): number | undefined {
  const dashed = id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return serialOf(mix(seed, 0, SALT.query), dashed);
}

const NAMES = [
  ...['Unsigned binaries in temp folders', '  padded name  ', 'Suche nach Makros: "Überprüfung"', 'поиск закладок'],
  ...['横展開の調査', 'بحث عن ملف', 'Run keys, all zones', 'ตรวจสอบไฟล์', 'connections to 203.0.113.0/24', 'Αναζήτηση'],
  ...['powershell -enc', 'Vérification n° 4\tsuite'],
];

/** The n-th name; repeated ones get a number, so that a person can tell them apart. */
export function queryName(index: number): string {
  const name = NAMES[index % NAMES.length] as string;
  const round = Math.floor(index / NAMES.length);
  return round === 0 ? name : `${name}#${round + 1}`;
}

const FACETS: Record<QueryArtifact, [type: string, values: string[]][]> = {
  File: [
    ['Path', ['exe']],
    ['SHA256', ['93B2ED4004ED5F7F3039DD7ECBD22C7E4E24B6373B4D9EF8D6E45A179B13A5E8']],
    ['Owner', ['BUILTIN\\Administrators', '管理者']],
  ],
  Process: [['Name', ['powershell.exe', 'cmd.exe']]],
  NetworkConnection: [
    ['DestAddr', ['203.0.113.7', '2001:db8::7']],
    ['DestPort', ['4444']],
  ],
  RegistryKey: [
    ['ValueName', ['Updater']],
    ['IsPersistencePoint', ['1']],
  ],
  Driver: [['Name', ['*.sys']]],
};

function criteria(draws: Draws, artifact: QueryArtifact, index: number, secrets: Secrets): Json {
  const asksCommand = artifact === 'Process' && index % 2 === 1;
  const command: [string, string[]] = ['CommandLine', [secrets.commandLine('net use x: \\\\files\\share')]];
  const [match_value_type, match_values] = asksCommand ? command : draws.pick(FACETS[artifact]);
  return { artifact, match_value_type, match_values };
}

function description(draws: Draws, secrets: Secrets): string | null {
  const texts = ['', null, 'asked by the night shift', `see ${secrets.url('wiki.example.test/cases/12')} for why`];
  return draws.pick(texts);
}

/** Members that come and go with the state. */
function progressMembers(plan: QueryPlan, state: QueryState): Json {
  const { index, queried, time } = plan;
  const archived = `${isoText(time + 2 * 86_400_000 - 8 * 3_600_000).slice(0, 19)}-08:00`;
  return {
    ...(state.archived ? { archived } : index % 3 === 1 ? { archived: null } : {}),
    results_available: state.results > 0,
    progress: state.status === 'pending' ? {} : { queried, responded: state.responded },
  };
}

/** A query as both the list and its detail show it. */
export function queryJson(facts: Facts, plan: QueryPlan, state: QueryState): string {
  const { index, artifact, time } = plan;
  const draws = drawsFor(facts.seed, index, SALT.query + 300);
  const secrets = secretsFor(facts.seed, SECRET_BASE.query + index, facts.plantSecrets);
  const zones = Array.from({ length: draws.below(4) }, () => hex128(draws.next).toUpperCase());
  const relation = { object: `/focus/${hex128(draws.next).toUpperCase()}`, relationship: 'originated-from' };
  const record: Json = {
    name: queryName(index),
    description: index % 4 === 1 ? description(draws, secrets) : `why: ${secrets.url(`tickets.example.test/${index}`)}`,
    ...criteria(draws, artifact, index, secrets),
    case_sensitive: draws.chance(0.3),
    match_type: draws.pick(['Fuzzy', 'Exact', 'fuzzy']),
    zones,
    filters: draws.chance(0.5) ? [{ aspect: 'OS', value: draws.pick(['Windows', 'macOS', ' Windows ']) }] : [],
    relations: draws.chance(0.4) ? [relation] : [],
    [facts.oddForms && index % 7 === 5 ? 'Id' : 'id']: queryId(facts.seed, index),
    ...(index % 4 === 3 ? { created_at: writeTime(time, draws.next(), false) } : {}),
    ...progressMembers(plan, state),
  };
  return JSON.stringify(index % 6 === 4 ? Object.fromEntries(Object.entries(record).reverse()) : record);
}
