/** Every field that the document of a focus view's result can have: the index templates are made from it. */
import type { FieldList } from '../../ecs.ts';
import { below, PROCESS } from '../detection/fields.ts';
import { fields as found } from '../instaquery-result/fields.ts';

export const fields: FieldList = {
  prefix: 'cylance.focus_view_result',
  custom: {
    'cylance.focus_view_result.view.id': 'keyword',
    'cylance.focus_view_result.view.description': 'match_only_text',
    'cylance.focus_view_result.view.artifact_type': 'keyword',
    'cylance.focus_view_result.view.value': 'keyword',
    'cylance.focus_view_result.view.threat_type': 'keyword',
    'cylance.focus_view_result.view.created_at': 'date',
    'cylance.focus_view_result.device_id': 'keyword',
    'cylance.focus_view_result.correlation_id': 'keyword',
    /** Of the artifact that the document is about. */
    'cylance.focus_view_result.uid': 'keyword',
    'cylance.focus_view_result.type': 'keyword',
    'cylance.focus_view_result.suspected_file_type': 'keyword',
    'cylance.focus_view_result.is_being_debugged': 'boolean',
    'cylance.focus_view_result.is_persistence_point': 'boolean',
    'cylance.focus_view_result.image_uid': 'keyword',
    'cylance.focus_view_result.owner_uid': 'keyword',
    'cylance.focus_view_result.file_uid': 'keyword',
    /** How many artifacts were recognised in it, the kinds of them, and the ids of all. */
    'cylance.focus_view_result.artifacts.count': 'long',
    'cylance.focus_view_result.artifacts.type': 'keyword',
    'cylance.focus_view_result.artifacts.uid': 'keyword',
    /** All that the vendor says, in its own words: of lists the first 200 items, all of it in event.original. */
    'cylance.focus_view_result.content': 'flattened',
    /** Members of the record that are neither its content nor its focus view. */
    'cylance.focus_view_result.other': 'flattened',
    /** Values that did not fit the field they were meant for, by that field's name. */
    'cylance.focus_view_result.unfit': 'flattened',
  },
  // The artifacts of InstaQueries, and the process that started one.
  ecs: [...found.ecs, ...below('process.parent', PROCESS)],
};
