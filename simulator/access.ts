import { errorReply, jsonReply } from './reply.ts';
import { type Collection, resource, type Site } from './resource.ts';

/** The endpoint where applications get their access tokens. */
export const access = resource<Site & Collection>({
  name: 'access',
  streams: [],
  routes: [
    {
      ...{ endpoint: 'token', path: '/auth/v2/token', method: 'POST' },
      answer({ faults, tokens }, { body }) {
        const due = faults.due('token', 'token');
        const early = due && {
          uses: due.rule.afterUses ?? Number.POSITIVE_INFINITY,
          ms: due.rule.afterMs ?? Number.POSITIVE_INFINITY,
        };
        const outcome = tokens.issue(body.toString(), faults.now(), early);
        if ('accessToken' in outcome) return jsonReply(JSON.stringify({ access_token: outcome.accessToken }));
        return errorReply(outcome.status, outcome.message);
      },
    },
  ],
  create: (site) => ({ ...site, truth: {} }),
});
