/** What the saboteur has to know of a vendor's API: whose reply one is, and where in it its items stand. */

/** What was asked for. */
export interface Asked {
  /** What stands there is damaged in the same way whenever it is asked for. */
  place: string;
  /** Whose detail or child it is; undefined for a list. */
  one: string | undefined;
}

export interface Vendor {
  /** Undefined: the reply passes as it is. */
  asked(path: string, body: string): Asked | undefined;
  /** Lists whose items may be damaged, by name in lower case, and how many times more seldom than others each is. */
  lists: ReadonlyMap<string, number>;
  /** The one that is the whole of a list's reply: without it, no list is left. */
  whole?: string;
  /** Items have lists of their own, and a reply may hold JSON in a text. */
  isNested: boolean;
  /** Looks at a reply before it is damaged. */
  noted?(asked: Asked, text: string): void;
  /** A refusal that comes with a status of 200, with something in it. */
  refusal?(something: string): string;
}

const ONE_ID = /^\/[a-z]+\/v2\/(?:executions\/)?(?!executions$|retrieved_files$)([^/]+)(?:\/[a-z]+)?$/;

export const CYLANCE: Vendor = {
  asked: (path) => (path.startsWith('/auth/') ? undefined : { place: path, one: ONE_ID.exec(path)?.[1] }),
  lists: new Map(['page_items', 'result', 'lockdown_history', 'data'].map((name) => [name, 1])),
  isNested: false,
};

/** One address: the body says what is asked for. Each reading of an endpoint is a task of its own. */
export function apexCentral(): Vendor {
  const tasks = new Map<string, string>();
  return {
    asked: (_path, body) => {
      const { Url, Payload = {}, TaskId } = JSON.parse(body);
      const scan = [Payload.scanSummaryGuid ?? []].flat()[0];
      const one = TaskId === undefined ? scan : tasks.get(TaskId);
      const whole = Payload.agentGuid === undefined ? one : `${one}/${Payload.agentGuid}`;
      return { place: `${Url} ${whole}`, one: whole };
    },
    noted: ({ one }, text) => {
      const task = /"taskId":"([^"]+)"/.exec(text)?.[1];
      if (task !== undefined && one !== undefined) tasks.set(task, one);
    },
    // There are many facts, and each belongs to many records.
    lists: new Map([
      ...['content', 'scansummaryentity', 'scanentity', 'footprint', 'event'].map((name) => [name, 1] as const),
      ...['metaproperty', 'group', 'meta'].map((name) => [name, 10] as const),
    ]),
    whole: 'content',
    isNested: true,
    refusal: (something) => `{"Data":{"Code":${something},"Message":${something}},"Meta":{"result":${something}}}`,
  };
}
