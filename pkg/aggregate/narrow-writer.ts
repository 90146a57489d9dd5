import type { BsonWriter } from '../bson/writer.ts'
import { RootFields } from '../expression/root-fields.ts'
import { findByShape } from '../query/shaped-fields.ts'

/** Copies those top-level fields of documents that will be read. */
export class NarrowWriter {
  readonly #fields = new RootFields()
  readonly #names: readonly string[]
  /** After so many documents it pays to make code for finding their fields. */
  #untilHot = 4096

  constructor(names: Iterable<string>) {
    this.#names = [...new Set(names)]
    for (const name of this.#names) this.#fields.slotOf(name)
  }

  /** Appends the fields of the document at `start`, as elements. */
  write(bytes: Uint8Array, start: number, into: BsonWriter): void {
    const fields = this.#fields
    const names = this.#names
    if (this.#untilHot > 0 && --this.#untilHot === 0) findByShape(fields, { bytes, start })
    fields.load(bytes, start)
    for (let slot = 0; slot < names.length; slot++) {
      const type = fields.types[slot]!
      if (type === 0) continue
      into.head(type, names[slot]!)
      into.append(bytes, fields.starts[slot]!, fields.ends[slot]!)
    }
  }
}
