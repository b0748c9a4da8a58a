/**
 * Divides sources among the instances of a group: evenly by their pipelines, and each stays where it is as long as that is
 * even. What another instance still has is given to nobody: it is let go of first, and given away in the next round.
 */

/** What an instance says of itself when it joins. */
export interface MemberOffer {
  id: string;
  /** The sources of its config, with the number of their pipelines. */
  sources: Readonly<Record<string, number>>;
  /** What it has, also what it is still letting go of. */
  owned: readonly string[];
}

/** The sources of each instance, by its id. */
export function assign(offers: readonly MemberOffer[]): Map<string, string[]> {
  const members = offers.toSorted((one, other) => (one.id < other.id ? -1 : 1));
  const weights = new Map<string, number>();
  const owners = new Map<string, string>();
  for (const { id, sources, owned } of members) {
    for (const [source, weight] of Object.entries(sources))
      weights.set(source, Math.max(weight, weights.get(source) ?? 0));
    for (const source of owned) if (!owners.has(source)) owners.set(source, id);
  }
  const wanted = evenly(members, weights, owners);
  const result = new Map(members.map(({ id }): [string, string[]] => [id, []]));
  for (const [source, id] of wanted) {
    const owner = owners.get(source);
    if (owner === undefined || owner === id) result.get(id)?.push(source);
  }
  return result;
}

/** Where each source belongs, whoever has it now. */
function evenly(
  members: readonly MemberOffer[],
  weights: ReadonlyMap<string, number>,
  owners: ReadonlyMap<string, string>,
): Map<string, string> {
  const loads = new Map(members.map(({ id }) => [id, 0]));
  const places = new Map<string, string>();
  const weightOf = (source: string) => weights.get(source) ?? 0;
  const canRead = (id: string, source: string) =>
    members.some((member) => member.id === id && member.sources[source] !== undefined);
  const put = (source: string, id: string) => {
    const before = places.get(source);
    if (before !== undefined) loads.set(before, (loads.get(before) ?? 0) - weightOf(source));
    places.set(source, id);
    loads.set(id, (loads.get(id) ?? 0) + weightOf(source));
  };
  const heaviestFirst = [...weights.keys()].sort(
    (one, other) => weightOf(other) - weightOf(one) || (one < other ? -1 : 1),
  );
  for (const source of heaviestFirst) {
    const owner = owners.get(source);
    if (owner !== undefined && canRead(owner, source)) put(source, owner);
  }
  const lightest = (source: string) =>
    members
      .map(({ id }) => id)
      .filter((id) => canRead(id, source))
      .toSorted((one, other) => (loads.get(one) ?? 0) - (loads.get(other) ?? 0))[0];
  for (const source of heaviestFirst) {
    const id = places.has(source) ? undefined : lightest(source);
    if (id !== undefined) put(source, id);
  }
  /** From the instance that has the most, as far as that makes two of them more alike. */
  const nextMove = (): [source: string, to: string] | undefined => {
    const most = members.map(({ id }) => id).toSorted((one, other) => (loads.get(other) ?? 0) - (loads.get(one) ?? 0));
    for (const from of most) {
      for (const source of heaviestFirst) {
        const to = places.get(source) === from ? lightest(source) : undefined;
        if (to !== undefined && (loads.get(from) ?? 0) - (loads.get(to) ?? 0) > weightOf(source)) return [source, to];
      }
    }
    return undefined;
  };
  for (let move = nextMove(); move !== undefined; move = nextMove()) put(...move); // each one evens out, so there is an end
  return places;
}
