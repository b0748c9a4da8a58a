/** What a measured process is asked to do, and what it answers. */
export interface Task {
  mode: Mode;
  /** The vendor. */
  url: string;
  /** Scratch folder of this run. */
  folder: string;
  fromMs: number;
  toMs: number;
  /** How many list pages a floor downloads: from the first on, and again from the first. */
  pages: number;
  /** Whether a floor makes a document of every record (else it writes the record). */
  maps: boolean;
  /** Whether a floor stringifies and writes the records of every page, or each record only once. */
  writesEveryPage: boolean;
  /** Of a floor that reads details. */
  client: 'node-fetch' | 'node:http';
  details: boolean;
  /** `cylance.detection` when it is not said. */
  stream?: string;
  concurrency: number;
  requestsPerSecond: number;
  /** Elasticsearch, or what stands where it would, instead of files. */
  elasticsearch?: string;
  /** Of what Sluice sends there. */
  gzip?: boolean;
  /** For `bulk`: the file of documents to post. */
  documents?: string;
  /** For `kafka` and `kafkajs`. */
  kafka?: KafkaTask;
}

export interface KafkaTask {
  brokers: string[];
  topic: string;
  compression: 'none' | 'gzip';
  batches: number;
  /** Of a batch. */
  documents: number;
  /** Of a document, about. */
  bytes: number;
}

/**
 * `floor` and `details` do the least that any program has to; `bulk` posts prebuilt bodies; `kafka` is the sink alone,
 * `kafkajs` the client alone; `parts` and `whole` only read one long reply.
 */
export type Mode = 'floor' | 'details' | 'sluice' | 'bulk' | 'kafka' | 'kafkajs' | 'parts' | 'whole';

/** One run. */
export interface Measured {
  records: number;
  seconds: number;
  /** User and system, all threads; without loading the code, unless the section says otherwise. */
  cpuSeconds: number;
  peakMiB: number;
  /** Requests to the vendor, where somebody counted them. */
  requests?: number;
}

export const TENANT = { tenantId: 'bench', applicationId: 'bench', applicationSecret: 'secret-of-the-benchmark' };
export const PAGE_SIZE = 200;
