/** Every sink there is. A new one is a folder and a line here. */
import type { z } from 'zod';
import { elasticsearch } from './elasticsearch/config.ts';
import { kafka } from './kafka/config.ts';
import { ndjson } from './ndjson/config.ts';
import type { Named, SinkType } from './sink-type.ts';

const all = [ndjson, elasticsearch, kafka] as const;

/** A sink of the config, as its own folder reads it. */
export type SinkConfig = ReturnType<(typeof all)[number]['settings']>;

/** Every type of sink, without its own settings: those of a sink are only handed to the type that made them. */
export const sinkTypes = all as unknown as readonly SinkType<z.ZodObject, Named>[];

export function sinkTypeOf(type: unknown): SinkType<z.ZodObject, Named> | undefined {
  return sinkTypes.find((one) => one.type === type);
}
