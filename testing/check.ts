export interface Check {
  name: string;
  /** Throws, or rejects, when the check fails. */
  run(): void | Promise<void>;
}
