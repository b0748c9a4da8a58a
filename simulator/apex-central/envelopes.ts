import { jsonReply, type Reply } from '../reply.ts';
import { TIME_ZONE } from './write.ts';

/** The envelopes of Apex Central's answers, good or bad: all of them come with HTTP 200. */

const NOISE =
  '"PermissionCtrl":{"permission":"255","elements":null},"FeatureCtrl":{"mode":"0"},"SystemCtrl":{"TmcmSoDist_Role":"none"}';
/** The same failure in each of the envelopes. */
export const BUSY = [
  `{"Data":{"Code":5,"CodeType":1,"Message":"The server is busy","Data":null},${NOISE}}`,
  `{"Data":{"Code":0,"Message":"OK","Data":{}},"Meta":{"result":0,"errorCode":1012,"errorMessgae":"The server is busy"},${NOISE}}`,
  '{"result_code":-1,"result_description":"The server is busy","result_content":[]}',
];

/** A refusal with HTTP 200. */
export function failure(message: string): Reply {
  const meta = JSON.stringify({ result: 0, errorCode: 1017, errorMessgae: message });
  return jsonReply(`{"Data":{"Code":0,"CodeType":1,"Message":"OK","Data":null},"Meta":${meta},${NOISE}}`);
}

/** The answer of a task; `data` is JSON. */
export function wellDone(data: string): Reply {
  const meta = '"Meta":{"result":1,"errorCode":0,"errorMessgae":"Success"}';
  const outer = `{"Code":0,"CodeType":1,"Message":"OK","Data":${data},"TimeZone":${TIME_ZONE}}`;
  return jsonReply(`{"Data":${outer},${meta},${NOISE}}`);
}

/** The answer of the lists of managed products. */
export function successful(result_content: readonly object[]): Reply {
  const head = { result_code: 1, result_description: 'Operation successful' };
  return jsonReply(JSON.stringify({ ...head, result_content }));
}

/** The part of a list at the requested offset, up to the requested limit. */
export function pageOf<T>(
  items: readonly T[],
  payload: Record<string, unknown>,
): { page: T[]; pagination: { offset: unknown; limit: unknown; total: number }; hasMore: boolean } | undefined {
  const { offset = 0, limit = 20 } = (payload.pagination ?? {}) as { offset?: unknown; limit?: unknown };
  if (!Number.isInteger(offset) || !Number.isInteger(limit)) return undefined;
  const [from, to] = [Number(offset), Number(offset) + Number(limit)];
  return {
    page: items.slice(from, to),
    pagination: { offset, limit, total: items.length },
    hasMore: to < items.length,
  };
}

/** The answer of a task that has the whole list at once. */
export function listReply(content: object, hasMore = false): Reply {
  const entry = { statusCode: 0, message: 'Success', content };
  const head = { taskId: '', lastContentId: '', hasMore, serverGuid: '', serverName: '' };
  return wellDone(JSON.stringify({ ...head, content: [entry] }));
}
