/** Which metadata the documents have at one place in a pipeline, so that `$meta` is refused where nothing before has given what it names. */
import { DatabaseError } from '../base/errors.ts'

/** What must have been given; other metadata is missing where it was not. */
export type GivenMetadata = 'score' | 'scoreDetails'

const given: ReadonlySet<string> = new Set<GivenMetadata>(['score', 'scoreDetails'])

export class AvailableMetadata {
  readonly #names: Set<GivenMetadata>
  /** What was named first without being there. */
  #absent: string | undefined
  /** The stage that does not pass on what is there, here and for those after it. */
  #keeper: string | undefined

  constructor(names: Iterable<GivenMetadata> = []) {
    this.#names = new Set(names)
  }

  get names(): readonly GivenMetadata[] {
    return [...this.#names]
  }

  /** A stage gives each document what `names` says. */
  give(names: readonly GivenMetadata[]): void {
    this.#keeper = undefined
    for (const name of names) this.#names.add(name)
  }

  /** A stage makes documents of its own. */
  clear(): void {
    this.#names.clear()
    this.#keeper = undefined
  }

  /** From a stage on, whose name is given, nobody gets at what is there. */
  withhold(stage: string): void {
    if (this.#names.size > 0) this.#keeper ??= stage
  }

  has(name: string): boolean {
    return !given.has(name) || (this.#names as ReadonlySet<string>).has(name)
  }

  /** Notes that `$meta` names it. Errors: NotImplemented where it is withheld. */
  need(name: string): void {
    if (!this.has(name)) this.#absent ??= name
    else if (this.#keeper !== undefined && given.has(name))
      throw new DatabaseError('NotImplemented', `{$meta: '${name}'} in or after ${this.#keeper} is not supported yet`)
  }

  /** Once all stages are read. Errors: 40218. */
  check(): void {
    if (this.#absent !== undefined) throw metadataUnavailable(this.#absent)
  }
}

export function metadataUnavailable(name: string): DatabaseError {
  return new DatabaseError(40218, `query requires ${name} metadata, but it is not available`)
}
