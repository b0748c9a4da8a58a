/** Results of focus views. */
import type { Table } from '../../src/index.ts';

export const members = {
  Entry: [],
  Result: [],
  FocusView: [],
} satisfies Table;

export const FocusView = {
  id: [],
  device_id: [],
  hostname: [],
  artifact_type: [],
  value: [],
  threat_type: [],
  description: [],
  created_at: [],
} satisfies Table;

/** Around an artifact, as in the replies of InstaQueries, or of an event that names several. */
export const around = {
  EventTime: ['OccurrenceTime', 'EventTimestamp', 'Timestamp', 'Time', 'DateTime'],
  ReportTime: ['@timestamp'],
  HostName: ['DeviceName'],
  DeviceId: [],
  CorrelationId: [],
  Result: [],
} satisfies Table;

/** When an artifact was seen, beside it. */
export const observed = {
  EventTime: ['OccurrenceTime', 'EventTimestamp', 'Timestamp', 'Time', 'DateTime'],
  FirstObserved: ['FirstObservedTime'],
  LastObserved: ['LastObservedTime'],
} satisfies Table;
