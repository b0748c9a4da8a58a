/**
 * The bill of materials (CycloneDX). npm makes it from the lockfile; its own `--omit dev` is not used, as it leaves out
 * packages that something for development asks for as well (yaml, which vite may use).
 */
import { z } from 'zod';
import { type Lockfile, type Package, productionOf } from './lockfile.ts';

const Licence = z.union([
  z.looseObject({ license: z.looseObject({ id: z.string() }) }),
  z.looseObject({ license: z.looseObject({ name: z.string() }) }),
  z.looseObject({ expression: z.string() }),
]);
const Component = z.looseObject({
  'bom-ref': z.string(),
  type: z.string(),
  name: z.string(),
  version: z.string(),
  purl: z.string().startsWith('pkg:npm/'),
  hashes: z.array(z.object({ alg: z.string(), content: z.string() })).optional(),
  licenses: z.array(Licence).optional(),
});

/** What we promise of the bill; npm's other members (authors, addresses) go through as they are. */
export const Bill = z.looseObject({
  bomFormat: z.literal('CycloneDX'),
  specVersion: z.enum(['1.5', '1.6', '1.7']),
  serialNumber: z.string().regex(/^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
  version: z.number().int().positive(),
  metadata: z.looseObject({ timestamp: z.iso.datetime(), component: Component }),
  components: z.array(Component),
  dependencies: z.array(z.looseObject({ ref: z.string(), dependsOn: z.array(z.string()).optional() })),
});

export type Bill = z.infer<typeof Bill>;

const idOf = ({ name, version }: { name: string; version?: string | undefined }) => `${name}@${version}`;
const purlOf = (one: Package) => `pkg:npm/${one.name.replace('@', '%40')}@${one.version}`;
const sha512Of = (one: Package) => Buffer.from(one.integrity?.replace('sha512-', '') ?? '', 'base64').toString('hex');

/**
 * npm's bill of everything without what is there for development alone, named after the project (npm takes its folder's
 * name), with the licences that npm could not read.
 * @param licenceOf the licence of a package as an SPDX expression
 */
export function billOf(
  whole: Bill,
  lock: Lockfile,
  project: string,
  licenceOf: (one: Package) => string | undefined,
): Bill {
  const shipped = new Map(productionOf(lock).map((one) => [idOf(one), one]));
  const root = whole.metadata.component;
  const isKept = (ref: string) => ref === root['bom-ref'] || shipped.has(ref);
  return {
    ...whole,
    metadata: { ...whole.metadata, component: { ...root, name: project } },
    components: whole.components.flatMap((component) => {
      const one = shipped.get(idOf(component));
      if (one === undefined) return [];
      const expression = licenceOf(one);
      if (component.licenses !== undefined || expression === undefined) return [component];
      return [{ ...component, licenses: [{ expression }] }];
    }),
    dependencies: whole.dependencies
      .filter(({ ref }) => isKept(ref))
      .map((one) => ({ ...one, dependsOn: one.dependsOn?.filter(isKept) })),
  };
}

/** What is wrong with a bill: its form, and where it says other than the lockfile. */
export function billFaults(value: unknown, lock: Lockfile, project: string): string[] {
  const parsed = Bill.safeParse(value);
  if (!parsed.success) {
    return parsed.error.issues.map(({ path, message }) => `the bill's ${path.join('.') || 'whole'}: ${message}`);
  }
  const { components, dependencies, metadata } = parsed.data;
  const shipped = new Map(productionOf(lock).map((one) => [idOf(one), one]));
  const listed = new Set(components.map(idOf));
  const refs = new Set([metadata.component['bom-ref'], ...components.map((component) => component['bom-ref'])]);
  return [
    ...(metadata.component.name === project ? [] : [`the bill is of ${metadata.component.name}, not of ${project}`]),
    ...[...shipped.keys()].filter((id) => !listed.has(id)).map((id) => `${id} is shipped, but not in the bill`),
    ...components.flatMap((component) => {
      const one = shipped.get(idOf(component));
      return one === undefined
        ? [`${idOf(component)} is in the bill, but not shipped`]
        : componentFaults(component, one).map((what) => `${idOf(component)} in the bill: ${what}`);
    }),
    ...dependencies
      .flatMap(({ ref, dependsOn = [] }) => [ref, ...dependsOn])
      .filter((ref) => !refs.has(ref))
      .map((ref) => `the bill's dependencies name ${ref}, which is not in it`),
  ];
}

function componentFaults(component: z.infer<typeof Component>, one: Package): string[] {
  const hashes = component.hashes?.filter(({ alg }) => alg === 'SHA-512') ?? [];
  const hasHash = hashes.length === 1 && hashes[0]?.content === sha512Of(one);
  return [
    ...(component.purl === purlOf(one) ? [] : [`the purl is ${component.purl}, not ${purlOf(one)}`]),
    ...((component.licenses?.length ?? 0) > 0 ? [] : ['there is no licence']),
    ...(hasHash ? [] : ["the SHA-512 is not the lockfile's"]),
  ];
}
