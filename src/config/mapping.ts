/** What the config makes of the documents of a stream: a module and rules. Fields that the guarantees need are refused here. */
import { z } from 'zod';
import { flag, path, text } from '../api/values.ts';
import { isKeptField, type OwnSettings } from '../engine/own/mapping.ts';
import type { Rule } from '../engine/own/rules.ts';

const FIELD = /^@?[A-Za-z0-9_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_][A-Za-z0-9_-]*)*$/;

const scalar = z.union([z.string(), z.number(), z.boolean()], {
  error: 'must be a text, a number, true or false',
});
const scalars = z.union([scalar, z.array(scalar)], {
  error: 'must be a text, a number, true, false, or a list of them',
});

const condition = z.union(
  [
    scalar,
    z.array(scalar),
    z.strictObject({
      not: scalars.optional(),
      exists: flag().optional(),
      above: z.number().optional(),
      below: z.number().optional(),
      like: z.union([z.string(), z.array(z.string())]).optional(),
    }),
  ],
  { error: 'is not a condition; write a value, a list of values, or { not, exists, above, below, like }' },
);

const rule = z
  .strictObject({
    when: z
      .record(z.string(), condition)
      .optional()
      .describe(
        'What the fields of a document have to be for the rule to apply, all of them: a value, a list of values, or `{ not, exists, above, below, like }`; `like` has `*` for any characters. Default: every document.',
      ),
    rename: z
      .record(z.string(), z.string())
      .optional()
      .describe('Fields that get another name: `{ labels.site: organization.name }`. Default: none.'),
    add: z
      .record(z.string(), scalars)
      .optional()
      .describe('Fields with a value of yours; a list is added to the values that are there. Default: none.'),
    drop: z
      .union([z.literal(true), z.array(z.string()).min(1)], {
        error: 'must be true, for the whole document, or a list of fields',
      })
      .optional()
      .describe('Fields that are left out; `true` leaves out the whole document. Default: none.'),
  })
  .superRefine((rule, { issues }) => {
    if (issues.length > 0) return;
    const say = (path: (string | number)[], message: string) =>
      issues.push({ code: 'custom', path, message, input: rule });
    for (const { path, name, isChanged } of fieldsOf(rule)) {
      if (!FIELD.test(name) || name.split('.').includes('__proto__')) say(path, NO_FIELD);
      else if (isChanged && isKeptField(name)) say(path, KEPT);
    }
    const { rename, add, drop } = rule;
    if (rename === undefined && add === undefined && drop === undefined) say([], 'does nothing');
    if (drop === true && (rename ?? add) !== undefined)
      say([], 'drops the document, so that it can change nothing in it');
  });

const NO_FIELD = 'names no field; write it whole, such as host.name';
const KEPT = 'names a field that may not be changed: recovery and verification rely on it (docs/mapping.md)';

/** Every field that a rule names, and where. */
function* fieldsOf({ when = {}, rename = {}, add = {}, drop }: Rule) {
  for (const name of Object.keys(when)) yield { path: ['when', name], name, isChanged: false };
  for (const [from, to] of Object.entries(rename)) {
    yield { path: ['rename', from], name: from, isChanged: true };
    yield { path: ['rename', from], name: to, isChanged: true };
  }
  for (const name of Object.keys(add)) yield { path: ['add', name], name, isChanged: true };
  for (const [index, name] of (Array.isArray(drop) ? drop : []).entries())
    yield { path: ['drop', index], name, isChanged: true };
}

export const mappingSchema = z
  .record(
    text(),
    z.strictObject({
      module: path()
        .optional()
        .describe(
          "A module whose default export gets the document, the vendor's record and what is known of the source, and returns the document to ship, or `null` for none: `./ours.ts`. Default: none.",
        ),
      rules: z
        .array(rule)
        .prefault([])
        .describe('Rules, applied behind the module one after the other. Default: none.'),
    }),
  )
  .prefault({})
  .describe(
    'What is made of the documents of a stream after the mapping that comes with Sluice (docs/mapping.md): `{ cylance.detection: { rules: [{ when: { event.severity: { below: 40 } }, drop: true }] } }`. Default: nothing.',
  );

/** As the engine reads it. */
export function toOwn(
  raw: z.output<typeof mappingSchema>,
  resolved: (path: string) => string,
): Partial<Record<string, OwnSettings>> {
  return Object.fromEntries(
    Object.entries(raw).map(([stream, { module, rules }]) => [
      stream,
      { module: module === undefined ? undefined : resolved(module), rules: rules as Rule[] },
    ]),
  );
}
