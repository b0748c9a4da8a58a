/** Helpers for streams that read their whole lists each time. */
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

/** Requests the pages of a list. */
export type List = (context: StreamContext) => (query: PageQuery) => Promise<ListReply>;

/** The list at an address; `tidied` changes each of its records. */
export function listAt(address: ListAddress, tidied?: (record: unknown) => unknown): List {
  return (context) => async (query) => {
    const reply = await listPage(context, query, address);
    return tidied === undefined ? reply : { ...reply, records: reply.records.map(tidied) };
  };
}

/** Makes the function that reads a record's id, which is its key. */
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

/** The pages of these lists, with requests for known records that are in none of them any more. */
export function snapshotOf(key: Stream['key'], ...lists: List[]): Stream['pages'] {
  return (context, walk) =>
    walkSnapshot(context, { lists: lists.map((list) => list(context)), key, findsDeleted: true }, walk);
}
