/** Tells committed records from those of aborted transactions, where kafkajs does not. */

interface RecordOfFetch {
  offset: string;
  key: Buffer | null;
  isControlRecord: boolean;
  batchContext: { producerId: string; inTransaction: boolean };
}

interface AbortedTransaction {
  producerId: string;
  firstOffset: string;
}

/** The key of a control record: its version, and what it says; 0 for "aborted". */
const ABORTED = Buffer.from([0, 0, 0, 0]);

/**
 * The records of a fetch that are in no aborted transaction, and the control records. kafkajs 2.2.4 begins at most one
 * aborted transaction per record, and takes the broker's list to be in the order in which they began, while it is the one
 * in which they ended: where transactions of two writers overlap, it hands out what was aborted, or leaves out what was not.
 */
export function withoutAborted<R extends RecordOfFetch>({
  messages,
  abortedTransactions,
}: {
  messages: R[];
  abortedTransactions?: readonly AbortedTransaction[] | null;
}): R[] {
  const waiting = [...(abortedTransactions ?? [])].map(({ producerId, firstOffset }) => ({
    producerId: String(producerId),
    from: BigInt(firstOffset),
  }));
  if (waiting.length === 0) return messages;
  waiting.sort((one, other) => (one.from < other.from ? -1 : 1));
  const open = new Set<string>();
  let next = 0;
  return messages.filter((record) => {
    const offset = BigInt(record.offset);
    for (; next < waiting.length && (waiting[next]?.from ?? 0n) <= offset; next++)
      open.add(waiting[next]?.producerId ?? '');
    const producer = String(record.batchContext.producerId);
    if (record.isControlRecord) {
      if (record.key !== null && ABORTED.equals(record.key)) open.delete(producer);
      return true;
    }
    return !(record.batchContext.inTransaction && open.has(producer));
  });
}
