/** Results of InstaQueries. */
import type { Table } from '../../src/index.ts';

export const members = {
  Timestamp: ['@timestamp'],
  HostName: ['DeviceName'],
  DeviceId: [],
  Version: ['@version'],
  CorrelationId: [],
  Result: [],
  Query: [],
} satisfies Table;

export const Result = {
  FirstObserved: ['FirstObservedTime'],
  LastObserved: ['LastObservedTime'],
  Type: ['ArtifactType', 'ObjectType'],
  Uid: ['UniqueId'],
  Properties: ['Facets'],
} satisfies Table;

export const Query = {
  Id: [],
  Name: [],
} satisfies Table;
