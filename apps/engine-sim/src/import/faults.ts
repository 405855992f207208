/** Input that is not what its format says, where that is to end the import. */
export class MalformedInputError extends Error {
  override readonly name = 'MalformedInputError';
}

export interface FaultsOptions {
  /** Name of the input, for the reports. */
  readonly file: string;
  /** Whether the first fault ends the import. */
  readonly stop: boolean;
  /** So many are reported; all are counted. */
  readonly maxReports: number;
  readonly say: (line: string) => void;
}

/** What is wrong with the input: reported, counted, and passed over. */
export class Faults {
  readonly #options: FaultsOptions;
  #count = 0;

  constructor(options: FaultsOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#count;
  }

  /**
   * @param where `line 12`, `offset 345`
   * @throws MalformedInputError where that is to end the import
   */
  add(where: string, what: string): void {
    const { file, stop, maxReports, say } = this.#options;
    this.#count++;
    const report = `${file}, ${where}: ${what}`;
    if (stop) throw new MalformedInputError(report);
    if (this.#count <= maxReports) say(report);
    if (this.#count === maxReports) say('what else is malformed is only counted');
  }
}
