/** Names of segments: `<walk>-000001.ndjson`, with an ending for its compression, and for one that is not finished. */

const ENDINGS = { none: '.ndjson', gzip: '.ndjson.gz', zstd: '.ndjson.zst' } as const;

const SEGMENT = /^(.+)-(\d{6,})(\.ndjson(?:\.gz|\.zst)?)(\.part|\.uncommitted)?$/;

export interface Segment {
  /** Of the file, in its folder. */
  name: string;
  walk: string;
  number: number;
  /** `part`: being written. `uncommitted`: set aside, since no commit knew of it. */
  standing: 'finished' | 'part' | 'uncommitted';
  isCompressed: boolean;
}

/** The segments among the files of a folder. */
export function segmentsIn(names: readonly string[]): Segment[] {
  return names.flatMap((name) => {
    const [, walk, number, ending, standing = '.finished'] = SEGMENT.exec(name) ?? [];
    if (walk === undefined) return [];
    return [
      {
        ...{ name, walk, number: Number(number), isCompressed: ending !== ENDINGS.none },
        standing: standing.slice(1) as Segment['standing'],
      },
    ];
  });
}

/** The name of a segment when it is finished. */
export function finishedName(walk: string, number: number, compression: keyof typeof ENDINGS): string {
  return `${walk}-${String(number).padStart(6, '0')}${ENDINGS[compression]}`;
}
