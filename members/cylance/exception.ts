/** Detection exceptions. */
import type { Table } from '../../src/index.ts';

export const members = {
  Id: ['ExceptionId'],
  Name: [],
  Description: [],
  ObjectType: [],
  OperatingSystems: ['OperatingSystem'],
  Plugin: [],
  Product: [],
  SchemaVersion: [],
  States: [],
  Paths: [],
  Tags: [],
  Version: [],
  LastModified: [],
  ModifiedBy: [],
  DeviceCount: [],
  RulesetCount: [],
  PolicyCount: [],
  Deleted: [],
} satisfies Table;

export { named as OperatingSystems } from './shared/named.ts';
