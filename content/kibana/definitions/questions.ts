/** What an analyst asks first, and the panel that answers. */
import type { Query } from '../condition.ts';
import {
  alertsBySeverity,
  currentStates,
  openOrClosed,
  processesAndUsers,
  timeToClose,
  topHosts,
  topRules,
} from './detections.ts';
import { footprintHosts } from './footprints.ts';
import { hashStreams, queryProgress } from './hunting.ts';
import { lockdownsNow, retrievalStates } from './responses.ts';
import type { Panel } from './types.ts';

export interface Question {
  question: string;
  panel: Panel;
  /** What the analyst chooses in a control of the dashboard. */
  chosen?: (value: string) => Query;
}

export const QUESTIONS: readonly Question[] = [
  { question: 'Which alerts were there, by severity and time?', panel: alertsBySeverity },
  { question: 'Which rules raise the most?', panel: topRules },
  { question: 'Which hosts have the most?', panel: topHosts },
  { question: 'How many detections are open now, and how many closed?', panel: openOrClosed },
  { question: 'How long does it take until a detection is closed?', panel: timeToClose },
  { question: 'Which process did it, and which user?', panel: processesAndUsers },
  {
    question: 'Where was this hash seen, in all streams?',
    panel: hashStreams,
    chosen: (value) => ({ term: { 'related.hash': value } }),
  },
  { question: 'What became of the files that were asked for?', panel: retrievalStates },
  { question: 'Which devices are locked now?', panel: lockdownsNow },
  { question: 'How far are the InstaQueries?', panel: queryProgress },
  { question: 'How is each detection now?', panel: currentStates },
  { question: 'Which hosts have footprints?', panel: footprintHosts },
];
