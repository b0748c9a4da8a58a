/** The part of `docs/dashboards.md` that is written by hand. */
export const HEAD = `<!-- Written by \`npm run docs\`; do not edit. -->
# Dashboards and rules for Kibana

\`\`\`sh
export KIBANA_API_KEY=…      # from Stack Management, API keys, as it is shown (encoded)
sluice setup kibana --kibana https://kibana.example.com:5601 --dry-run
sluice setup kibana --kibana https://kibana.example.com:5601
\`\`\`

imports data views, dashboards, saved searches and detection rules into Kibana 8.19 or 9 (\`--space\`: into another space; \`--no-rules\`: without rules). The key may be another variable (\`--api-key '\${NAME}'\`) or a file (\`--api-key file:/run/secrets/kibana\`), and needs all of Saved Objects Management, Dashboard, Discover and Security. By hand: import \`content/kibana/sluice.ndjson\` in Stack Management, Saved objects, and \`content/kibana/sluice-rules.ndjson\` in Security, Rules.

Ids are fixed, so a second import replaces dashboards, searches and data views: copy one before you change it. A rule is replaced only by a newer one, and keeps whether it is enabled, its actions and its exceptions ([decision 0076](decisions/0076-an-import-keeps-what-people-set.md)).

No Kibana could be run while this was made. The form of everything is held to schemas, the references to one another, the fields to the index templates and to documents of the mappings; each query is run on the real Elasticsearch and compared with what the simulator has ([decision 0075](decisions/0075-one-definition-of-panels.md)).

## Which time

\`@timestamp\` is when a record happened, in every revision of it: a detection that is closed today keeps the \`@timestamp\` of last week. What changed in the last 15 minutes is found by \`event.ingested\`, the time at which the document was written. So there are two data views over the same indices, and a third over the copies that \`changes: true\` of the sink makes ([elasticsearch.md](elasticsearch.md)), whose \`@timestamp\` is the time of the change. Every rule looks at \`event.ingested\` (\`timestamp_override\`), since a record may arrive long after it happened.

## What is now

Every change of a record is a document of its own. A panel that ends in "now" counts each record once, by its newest revision (the highest \`event.sequence\` of an \`event.id\`): its query asks for the newest document of up to 50,000 records within the time of the picker. Lens cannot count so; these panels are of the kind Vega, and need nothing else in the cluster. Where the cluster has indices \`latest-<stream>-<source>\` with the newest revision of each record, \`setup kibana --latest\` (by hand: \`content/kibana/sluice-latest.ndjson\`) makes these panels of them: quicker, and for any number of records. They come from \`latest: true\` in the sink, or from \`sluice setup elasticsearch --latest\` ([elasticsearch.md](elasticsearch.md)).

## Time to close

The vendor does not say when a detection was closed. Panels take when it was seen closed (\`event.end\`, \`event.duration\`: [documents.md](documents.md)), and count each closing once; what was closed before Sluice saw it has no time to close.

## Rules

They come disabled: enable those that you want. A rule promotes: each detection becomes an alert of Kibana's under its own name (\`message\`), severity and risk. Later revisions of a detection are \`event.kind: event\` and raise nothing. Suppression needs a Platinum license; without one Kibana raises the alert of a rule without it, which for detections changes nothing, since each is an alert once. The rules about Sluice's own health need \`heartbeat\` in its config.

Before a backfill of years, use \`sluice backfill --as event\`: rules would raise an alert for each old detection, up to 1,000 in a run.
`;
