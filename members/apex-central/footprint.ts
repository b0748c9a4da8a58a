/** Events of footprints: what a record says, its edge in the chain, its rating. */
import type { Table } from '../../src/index.ts';

export const members = {
  eventId: [],
  metaLinkId: [],
  objectType: [],
  operationType: [],
  objectName: [],
  timestamp: [],
  meta: [],
  riskLevel: [],
  rating: [],
  isSymbolEvent: [],
  assessmentValue: [],
  assessmentType: [],
  nodeImage: [],
  footprint: [],
  parent: [],
  group: [],
  unreadable: [],
  serverGuid: [],
  serverName: [],
  agentGuid: [],
  scanSummaryGuid: [],
  TimeZone: [],
  taskId: [],
  endpoint: [],
} satisfies Table;

export const footprint = {
  objectId: [],
  parentId: [],
  operationType: [],
  timestamp: [],
  groupNo: [],
  occurrence: [],
} satisfies Table;

export const parent = {
  objectId: [],
  eventId: [],
  metaLinkId: [],
  objectType: [],
  objectName: [],
  operationType: [],
  timestamp: [],
  meta: [],
  metaCount: [],
} satisfies Table;

export const group = {
  groupNo: [],
  timestamp: [],
} satisfies Table;

export const rating = {
  score: [],
  metaType: [],
  hasInvalidSigner: [],
} satisfies Table;

export const endpoint = {
  machineName: [],
  ip: [],
  userName: [],
  machineOS: [],
  isOnline: [],
  machineGuid: [],
  productType: [],
} satisfies Table;
