/** What a measured process is asked to do, and what it answers. */
export interface Task {
  mode: Mode;
  /** The simulator. */
  url: string;
  /** Scratch folder of this run. */
  folder: string;
  fromMs: number;
  toMs: number;
  /** How often a floor reads every page; Sluice reads each window twice. */
  passes: number;
  /** Whether a floor stringifies and writes the records of every pass, or only of the first. */
  writesEveryPass: boolean;
  details: boolean;
  /** `cylance.detection` when it is not said. */
  stream?: string;
  concurrency: number;
  /** Elasticsearch instead of files. */
  elasticsearch?: string;
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
 * `raw` and `mapped` are floors, `bulk` posts prebuilt bodies; `kafka` is the sink alone, `kafkajs` the client alone;
 * `parts` and `whole` only read one long reply.
 */
export type Mode = 'raw' | 'mapped' | 'sluice' | 'bulk' | 'kafka' | 'kafkajs' | 'parts' | 'whole';

export interface Measured {
  records: number;
  seconds: number;
  /** User and system, all threads, without loading the code. */
  cpuSeconds: number;
  peakMiB: number;
}

export const TENANT = { tenantId: 'bench', applicationId: 'bench', applicationSecret: 'secret-of-the-benchmark' };
export const PAGE_SIZE = 200;
