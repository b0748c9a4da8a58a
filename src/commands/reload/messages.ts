/** How `sluice reload` asks the running Sluice, and is answered: in the state, which both have. */
import { randomUUID } from 'node:crypto';
import type { StateStore } from '../../state/store.ts';

const ASKED = 'reload';
const ANSWER = 'reload answered';

export interface ReloadAnswer {
  taken: boolean;
  message: string;
}

/** Returns what `answerTo` is asked with. */
export function askForReload(store: StateStore): string {
  const id = randomUUID();
  store.setMessage(ASKED, id);
  return id;
}

/** What is asked for and not answered. */
export function askedReload(store: StateStore): string | undefined {
  const asked = store.message(ASKED);
  return asked === undefined || answerTo(store, asked) !== undefined ? undefined : asked;
}

export function answerReload(store: StateStore, id: string, answer: ReloadAnswer): void {
  store.setMessage(ANSWER, JSON.stringify({ id, ...answer }));
}

export function answerTo(store: StateStore, id: string): ReloadAnswer | undefined {
  const text = store.message(ANSWER);
  const { id: answered, ...answer } = text === undefined ? {} : (JSON.parse(text) as ReloadAnswer & { id: string });
  return answered === id ? (answer as ReloadAnswer) : undefined;
}
