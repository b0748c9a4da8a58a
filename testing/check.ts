export interface Check {
  name: string;
  /** Throws, or rejects, when it fails. */
  run(): void | Promise<void>;
}
