/** Detection rules. */
import type { Table } from '../../src/index.ts';

export const members = {
  Id: ['rule_id'],
  Name: [],
  Description: [],
  Category: [],
  Version: [],
  Severity: [],
  LastModified: [],
  ModifiedBy: [],
  OperatingSystems: [],
  ObjectType: [],
  Plugin: [],
  Product: [],
  SchemaVersion: [],
  RuleSourceGrouping: [],
  Tags: [],
  States: [],
  Paths: [],
  DeviceCount: [],
  RulesetCount: [],
  PolicyCount: [],
  NaturalLanguage: [],
  Counts: [],
  Unavailable: [],
  Deleted: [],
} satisfies Table;

export const Counts = {
  DeviceCount: [],
  RulesetCount: [],
  PolicyCount: [],
} satisfies Table;
