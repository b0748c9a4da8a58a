/** What a sink's words for a rejection mean, and what a person can do about it: the one table of that. */
import type { Rejection } from '../api/sink.ts';

interface Cause {
  /** In a few words. */
  name: string;
  /** Of the sink's type and reason. */
  words: RegExp;
  suggestion: string;
}

const ROLL_OVER = 'roll the data stream over (POST /<data stream>/_rollover), and replay';

/** The first whose words fit. The type stands in front of the reason: `mapper_parsing_exception: failed to parse …`. */
const CAUSES: readonly Cause[] = [
  {
    name: 'too large for a request',
    words: /^too_large:/,
    suggestion: 'Raise http.max_content_length of Elasticsearch, or the limit of the proxy before it, and replay.',
  },
  {
    name: 'too large for a message',
    words: /^message_too_large:/,
    suggestion: 'Raise `max_message` of the sink and max.message.bytes of the topic, and replay.',
  },
  {
    name: 'in the failure store',
    words: /^failure_store:/,
    suggestion:
      'GET /<data stream>::failures/_search has the reason (error.message). Mend that, replay, and delete the copy there.',
  },
  {
    name: 'too many fields',
    words:
      /limit of (total|mapping) (fields|depth)|limit of nested|total_fields\.limit|mapping\.depth|field name length/i,
    suggestion: `Raise the limit that the reason names (index.mapping.total_fields.limit) in the template, ${ROLL_OVER}.`,
  },
  {
    name: 'term too long',
    words: /immense term|max_bytes_length_exceeded/,
    suggestion: `Something else mapped the field: \`sluice setup elasticsearch\` (its keywords have ignore_above), ${ROLL_OVER}.`,
  },
  {
    name: 'field not allowed',
    words: /^strict_dynamic_mapping_exception:|dynamic introduction of/,
    suggestion: `The template allows no fields but its own: \`sluice setup elasticsearch\`, or add the field, ${ROLL_OVER}.`,
  },
  {
    name: 'outside of the time range',
    words: /^timestamp_error:|timestamp field|@timestamp[^@]{0,200}(range|outside)/i,
    suggestion:
      'The data stream takes no such time: is it a time series, or does a template of somebody else apply? Mend the template, and replay.',
  },
  {
    name: 'mapping conflict',
    words:
      /^(document_parsing|mapper_parsing|mapper|parsing)_exception:|failed to parse field|object mapping for|mapper \[|non[- ]object mapping|different type/i,
    suggestion: `The index has another type for this field: \`sluice setup elasticsearch\`, ${ROLL_OVER}. \`sluice check\` compares the templates.`,
  },
  {
    name: 'ingest pipeline',
    words: /^(ingest_processor|script|pipeline_processor|fail_processor)_exception:|processor/i,
    suggestion: 'A processor of the ingest pipeline of the cluster refuses it: mend the pipeline, and replay.',
  },
];

const ANYTHING_ELSE =
  'The reason says what the sink cannot take: mend that, and replay. What can never be taken: `sluice rejections drop`.';

/** A cause that the table does not know is called what the sink calls it. */
export function causeOf({ type, reason }: Pick<Rejection, 'type' | 'reason'>): Pick<Cause, 'name' | 'suggestion'> {
  const said = `${type}: ${reason}`;
  return CAUSES.find(({ words }) => words.test(said)) ?? { name: type, suggestion: ANYTHING_ELSE };
}
