/**
 * Threats: files that CylancePROTECT judges as such, each once for the whole tenant. The list is an inventory, so a
 * document is an `asset`; what happened on a device is in `cylance.threat_device`. Category `malware` allows `info` only. A
 * tombstone says that the list does not have one any more.
 */
import { members } from '../../members/cylance/threat.ts';
import { type Fields, put } from '../ecs.ts';
import { title } from '../ecs-document.ts';
import { mappingOf, onlyTrue } from '../ecs-frame.ts';
import { decimal, flagOf, isTrusted, judge, PROTECT, word } from './shared/base.ts';
import { FILE_FIELDS, fileAlone } from './shared/places.ts';
import { INDICATOR, indicatorOf } from './shared/threats.ts';

export const { mapping, fields } = mappingOf(
  {
    prefix: 'cylance.threat',
    observer: PROTECT,
    members,
    // The only time that the list has. A flag that was set later is seen at the next look, and has no time of its own.
    time: 'last_found',
    event: { kind: 'asset', category: ['malware'], type: ['info'] },
    own: {
      classification: ['keyword', 'classification', word],
      sub_classification: ['keyword', 'sub_classification', word],
      /** The vendor's own, from 1 to -1, which is surely a threat. */
      score: ['float', 'cylance_score', decimal],
      av_industry: ['keyword', 'av_industry', word],
      global_quarantined: ['boolean', 'global_quarantined', flagOf],
      safelisted: ['boolean', 'safelisted', flagOf],
      unique_to_cylance: ['boolean', 'unique_to_cylance', flagOf],
      last_found: 'date',
      /** True in the document of one that the list does not have any more. */
      deleted: ['boolean', 'Deleted', onlyTrue],
    },
    ecs: [
      ...INDICATOR,
      'event.risk_score',
      ...FILE_FIELDS,
      'file.size',
      'file.hash.md5',
      'file.hash.sha256',
      'related.hash',
    ],
  },
  (draft, threat) => {
    const { document, event, own } = draft;
    put(own, 'last_found', document['@timestamp']);
    const facts = { Name: threat.name, Md5: threat.md5, Sha256: threat.sha256, Size: threat.file_size };
    const file = fileAlone(draft, facts);
    put(document, 'file', file);
    const isSafe = own.safelisted === true || isTrusted(own.classification);
    judge(event, own.score as number | undefined, isSafe);
    const classes = [own.classification, own.sub_classification];
    const judged = { provider: PROTECT.product, classes, lastSeen: own.last_found };
    if (!isSafe && own.deleted !== true) put(document, 'threat', indicatorOf(file, judged));
    const called = titleOf(file ?? {}, own);
    return own.deleted === true ? title(`${called} is not listed any more`) : called;
  },
);

/** The name of the file, and its classification. */
function titleOf(file: Fields, own: Fields): string {
  const hash = (file.hash ?? {}) as Fields;
  const name = file.name ?? hash.sha256 ?? 'an unnamed file';
  const kinds = [own.classification, own.sub_classification].filter((kind) => kind !== undefined);
  return title(kinds.length === 0 ? `Threat ${name}` : `Threat ${name}: ${kinds.join(' - ')}`);
}
