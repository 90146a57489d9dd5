import type { BsonWriter } from '../bson/writer.ts'
import { RootFields } from '../expression/root-fields.ts'

/** Copies those top-level fields of documents that will be read. */
export class NarrowWriter {
  readonly #fields = new RootFields()
  readonly #names: readonly string[]

  constructor(names: Iterable<string>) {
    this.#names = [...new Set(names)]
    for (const name of this.#names) this.#fields.slotOf(name)
  }

  /** Appends the fields of the document at `start`, as elements. */
  write(bytes: Uint8Array, start: number, into: BsonWriter): void {
    const fields = this.#fields
    const names = this.#names
    fields.load(bytes, start)
    for (let slot = 0; slot < names.length; slot++) {
      const type = fields.types[slot]!
      if (type === 0) continue
      into.head(type, names[slot]!)
      into.append(bytes, fields.starts[slot]!, fields.ends[slot]!)
    }
  }
}
