/**
 * Metadata kept with documents that a stage holds: as fields before those of the document, with names that no path can name.
 *
 *   | length | $score | $scoreDetails | the document's own elements | 0 |
 */
import { DatabaseError } from '../base/errors.ts'
import type { Value } from '../bson/value.ts'
import { ElementWalker } from '../bson/walk.ts'
import { BsonWriter } from '../bson/writer.ts'
import type { AvailableMetadata, GivenMetadata } from '../expression/available-metadata.ts'
import type { Scope } from '../expression/scope.ts'
import { type Path, parsePath } from '../query/path.ts'

function carriedName(name: string): string {
  return `$${name}`
}

/** Whether a path of a sort leads to metadata. */
export function isCarried(path: Path): boolean {
  return path.text.startsWith('$')
}

/** For `parseSort`: where a stage that carries what is there finds it. Errors: those of `AvailableMetadata.need`; NotImplemented for a score over a view. */
export function metadataPath(metadata: AvailableMetadata | undefined): (name: string) => Path | undefined {
  return (name) => {
    if (metadata === undefined && name === 'score')
      throw new DatabaseError('NotImplemented', 'sorting a view by a score is not supported yet')
    metadata?.need(name)
    return (metadata?.names as readonly string[] | undefined)?.includes(name) ? parsePath(carriedName(name)) : undefined
  }
}

/** What is known of a stage's documents besides their fields, of what some stage must have given: by the scope that it is parsed in. */
export function givenMetadata({ metadata }: Scope): readonly GivenMetadata[] {
  return metadata?.names ?? []
}

export class CarriedMetadata {
  readonly #names: readonly GivenMetadata[]
  readonly #packed = new BsonWriter(512)
  readonly #document = new BsonWriter(512)
  readonly #walker = new ElementWalker()
  readonly #values = new Map<string, Value>()

  constructor(names: readonly GivenMetadata[]) {
    this.#names = names
  }

  /** The document with what is known of it, until the next call. Each name is given, so that `unpack` knows how many fields to take off. */
  pack(bytes: Uint8Array, start: number, end: number, metadata: (name: string) => Value | undefined): BsonWriter {
    const writer = this.#packed.reset()
    writer.beginDocument()
    for (const name of this.#names) {
      const value = metadata(name)
      if (value === undefined) writer.null(carriedName(name))
      else writer.value(carriedName(name), value)
    }
    writer.raw(bytes, start + 4, end - 1)
    writer.end()
    return writer
  }

  /** Takes a packed document apart: the document itself, until the next call. */
  unpack(bytes: Uint8Array, start: number, end: number): BsonWriter {
    const writer = this.#document.reset()
    let at = start + 4
    const walker = this.#walker.reset(bytes, start)
    for (const name of this.#names) {
      walker.next()
      const { type, valueStart, valueEnd } = walker
      this.#values.set(name, { type, bytes: bytes.slice(valueStart, valueEnd), start: 0, end: valueEnd - valueStart })
      at = valueEnd
    }
    writer.beginDocument()
    writer.raw(bytes, at, end - 1)
    writer.end()
    return writer
  }

  /** Of the document that was taken apart last. */
  get(name: string): Value | undefined {
    return this.#values.get(name)
  }
}
