/** What streams have in common whose lists are read whole each time. */
import {
  type ListReply,
  memberOf,
  type PageQuery,
  type Stream,
  type StreamContext,
  type Table,
  walkSnapshot,
} from '../../../src/index.ts';
import { type ListAddress, listPage, textOf } from './pages.ts';

/** Asks for the pages of a list. */
export type List = (context: StreamContext) => (query: PageQuery) => Promise<ListReply>;

/** The list at an address; `tidied` is what each of its records is handed on as. */
export function listAt(address: ListAddress, tidied?: (record: unknown) => unknown): List {
  return (context) => async (query) => {
    const reply = await listPage(context, query, address);
    return tidied === undefined ? reply : { ...reply, records: reply.records.map(tidied) };
  };
}

/** Reads the id of a record, which is its key. */
export function idOf<Name extends string>(
  members: Table<Name>,
  name: NoInfer<Name>,
  what: string,
): (record: unknown) => string {
  return (record) => {
    const id = textOf(memberOf(members, record, name));
    if (id === undefined) throw new Error(`the ${what} has no ${name}`);
    return id;
  };
}

/** Reads all of these lists, and looks for what they do not have any more. */
export function snapshotOf(key: Stream['key'], ...lists: List[]): Stream['pages'] {
  return (context, walk) =>
    walkSnapshot(context, { lists: lists.map((list) => list(context)), key, findsDeleted: true }, walk);
}
