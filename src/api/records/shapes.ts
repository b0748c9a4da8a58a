/**
 * Records of one resource have few shapes (the same members in the same order): results that only depend on the names of
 * members are computed once for each shape.
 */

const MAX_SHAPES_PER_SIZE = 30;
/** Shapes of larger objects are not remembered: they are not worth the memory. */
const MAX_MEMBERS = 500;

/** Calls `make` with the names of an object's members, once per shape as long as these are few and small. */
export function perShape<T>(make: (members: readonly string[]) => T): (value: object) => T {
  const bySize = new Map<number, { members: readonly string[]; made: T }[]>();
  return (value) => {
    const members = Object.keys(value);
    const shapes = bySize.get(members.length) ?? [];
    for (const shape of shapes) if (areSame(shape.members, members)) return shape.made;
    const made = make(members);
    if (shapes.length < MAX_SHAPES_PER_SIZE && members.length <= MAX_MEMBERS)
      bySize.set(members.length, [...shapes, { members, made }]);
    return made;
  };
}

/** Compares two lists of the same length. */
function areSame(one: readonly string[], other: readonly string[]): boolean {
  for (let index = 0; index < one.length; index++) if (one[index] !== other[index]) return false;
  return true;
}
