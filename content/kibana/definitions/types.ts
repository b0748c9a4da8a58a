/** What the pack is made of: panels with their queries, dashboards, saved searches and rules, before they take Kibana's form. */

export type Value = string | number | boolean;

/** Which documents are meant. Written as KQL for Kibana, and as a query for Elasticsearch (`condition.ts`). */
export type Condition =
  | { readonly field: string; readonly is: Value | readonly Value[] }
  | { readonly field: string; readonly exists: true }
  | { readonly field: string; readonly from?: number; readonly below?: number }
  | { readonly not: Condition }
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] };

/** What a field holds, as Kibana sorts them; text where it is left out. */
export type Kind = 'number' | 'date' | 'ip' | 'boolean';

export interface Case {
  readonly label: string;
  readonly where: Condition;
}

/** What the rows of a table, the bars or the slices are. */
export type Grouping =
  /** So many values: those with the most of the first measure, or by name. */
  | {
      readonly field: string;
      readonly label: string;
      readonly most: number;
      readonly by?: 'name';
      readonly kind?: Kind;
      /** Documents without a value are a group, too. */
      readonly missing?: true;
    }
  | { readonly time: string; readonly label: string }
  | { readonly cases: readonly Case[]; readonly label: string };

/** What is told of each group. */
export type Measure =
  | { readonly count: true; readonly label: string; readonly where?: Condition }
  | { readonly distinct: string; readonly label: string }
  | { readonly average: string; readonly label: string }
  | { readonly sum: string; readonly label: string }
  | { readonly newest: string; readonly label: string }
  /** What the newest document says, by the time in `by`. */
  | { readonly last: string; readonly by: string; readonly label: string; readonly kind?: Kind };

interface Shown {
  /** Its name, for ever: part of the ids in Kibana. */
  readonly name: string;
  readonly title: string;
  readonly about?: string;
  readonly view: ViewName;
  /** The values of `data_stream.dataset`; all, where none is named. */
  readonly streams: readonly string[];
  readonly where?: Condition;
}

/** What is counted, over all documents that fit. */
export interface CountPanel extends Shown {
  readonly as: 'metric' | 'bars' | 'donut' | 'table';
  readonly groups: readonly Grouping[];
  readonly measures: readonly Measure[];
}

/** Which documents are about one thing, and which of them is its present state. */
export interface Thing {
  readonly id: 'event.id' | 'host.id';
  /** The highest is the newest. */
  readonly newest: 'event.sequence' | '@timestamp';
  /** Of documents that are equally new, the one where this comes first in the alphabet. */
  readonly tie?: string;
}

/** How many records are in which state now: of each record only the newest revision counts. */
export interface NowPanel extends Shown {
  readonly as: 'now';
  readonly thing: Thing;
  /** What is left out, by the newest document: deleted ones, say. */
  readonly unless?: Condition;
  /** By the values of a field, or by cases. */
  readonly group:
    | { readonly field: string; readonly label: string }
    | { readonly cases: readonly Case[]; readonly label: string };
}

/** Documents themselves, as a saved search. */
export interface SearchPanel extends Shown {
  readonly as: 'search';
  readonly columns: readonly string[];
  /** A time; the newest come first. */
  readonly sort: string;
}

export type Panel = CountPanel | NowPanel | SearchPanel;

export interface Control {
  readonly field: string;
  readonly title: string;
}

export interface Dashboard {
  readonly name: string;
  readonly title: string;
  readonly about: string;
  /** From now back, as Kibana writes it. */
  readonly span: string;
  readonly controls: readonly Control[];
  readonly rows: readonly { readonly height: number; readonly panels: readonly Panel[] }[];
}

export type ViewName = 'records' | 'arrivals' | 'changes' | 'latest' | 'heartbeats';

export interface View {
  readonly name: ViewName;
  readonly title: string;
  readonly pattern: string;
  readonly time: string;
}

export interface DetectionRule {
  readonly id: string;
  /** Raised with every change: `setup` replaces a rule only by a newer one. */
  readonly version: number;
  readonly name: string;
  readonly about: string;
  /** What to do about an alert. */
  readonly note: string;
  readonly severity: 'low' | 'medium' | 'high' | 'critical';
  readonly riskScore: number;
  readonly tags: readonly string[];
  readonly interval: string;
  readonly from: string;
  /** What a document has to be; or a query in ES|QL, with the fields that it reads. */
  readonly of:
    | {
        readonly view: ViewName;
        readonly streams: readonly string[];
        readonly where: Condition;
        readonly promotes: boolean;
      }
    | { readonly esql: string; readonly stream: string; readonly reads: readonly string[] };
  /** One alert for all documents with the same values of these fields, within this time. */
  readonly suppress: { readonly by: readonly string[]; readonly hours: number };
  readonly shows: readonly string[];
  /** Exact values of a field that make it more or less severe. */
  readonly severities?: readonly {
    readonly field: string;
    readonly is: string;
    readonly severity: DetectionRule['severity'];
  }[];
  readonly nameField?: string;
  readonly scoreField?: string;
}
