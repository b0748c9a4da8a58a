/** Installs what `sluice setup elasticsearch` installs. */
import { streams } from '../../connectors/index.ts';
import { connectElasticsearch } from '../../src/sinks/elasticsearch/client.ts';
import { detectCapability, setupElasticsearch, templateList } from '../../src/sinks/elasticsearch/setup.ts';
import { templatesFor } from '../../src/sinks/elasticsearch/templates.ts';

export async function installTemplates(url: string): Promise<void> {
  const client = connectElasticsearch({ nodes: [url], auth: { kind: 'none' } });
  const { capability } = await detectCapability(client);
  for (const { stream, fields } of streams) {
    await setupElasticsearch(client, templateList([templatesFor({ stream: stream.name, fields, capability })]), {});
  }
  await client.close();
}
