import { confirmedBy } from '../lifecycle.ts';
import { arrayReply, type PagedList, pageReply, selectionOf } from '../paging.ts';
import type { Reply } from '../reply.ts';
import { type Asked, type Collection, resource, type Site } from '../resource.ts';
import { truthOf } from '../truth.ts';
import { createRetrievedFiles, type RetrievedFiles } from './files.ts';

/** Requests for files, which only their list shows. */

interface FileCollection extends Collection {
  site: Site;
  files: RetrievedFiles;
}

function list({ site, files }: FileCollection, { params }: Asked): Reply {
  const { retrievedFilesShape, bareArrayPaged } = site.settings;
  const shown: PagedList = {
    endpoint: 'files',
    select: () => selectionOf(files.listed((params.get('q') ?? '').toLowerCase())),
    write: (index) => files.json(index),
    sent: (indexes) => files.lifecycle.servedLater(indexes, 1),
  };
  return retrievedFilesShape === 'envelope'
    ? pageReply(site, params, shown)
    : arrayReply(site, params, shown, bareArrayPaged);
}

export const retrievedFiles = resource<FileCollection>({
  name: 'retrievedFiles',
  streams: ['cylance.retrieved_file'],
  routes: [
    { endpoint: 'files', path: '/devicecommands/v2/retrieved_files', scope: 'opticscommand:read', answer: list },
  ],
  create(site) {
    const files = createRetrievedFiles(site.facts, site.settings);
    const { lifecycle } = files;
    const truth = { 'cylance.retrieved_file': truthOf(lifecycle, { ...files, kind: 'list' }) };
    return { site, files, lifecycle, truth, confirm: confirmedBy(files) };
  },
});
