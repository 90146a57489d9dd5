/**
 * The description of an update, as change streams show it: four documents end to end (`ChangeDescriber` says which). A path is
 * collected part by part and written when something under it has changed.
 */
import type { Value } from '../../bson/value.ts'
import { BsonWriter, indexName } from '../../bson/writer.ts'

/** A field's name, or an array index. */
export type DescribedPart = string | number

export class UpdateDescription {
  readonly path: DescribedPart[] = []
  readonly #updated = new BsonWriter(256)
  readonly #removed: string[] = []
  readonly #truncated: { readonly path: string; readonly size: number }[] = []
  readonly #ambiguous = new Map<string, readonly DescribedPart[]>()

  reset(): this {
    this.path.length = 0
    this.#updated.reset().beginDocument()
    this.#removed.length = 0
    this.#truncated.length = 0
    this.#ambiguous.clear()
    return this
  }

  /** The field or element `part` of the path has a new value. */
  update(part: DescribedPart, value: Value): void {
    this.#updated.value(this.#join(part), value)
  }

  remove(part: DescribedPart): void {
    this.#removed.push(this.#join(part))
  }

  /** The array at the path has lost what lay at `size` and beyond. */
  truncate(size: number): void {
    const last = this.path.pop()!
    this.#truncated.push({ path: this.#join(last), size })
    this.path.push(last)
  }

  writeTo(out: BsonWriter): void {
    const updated = this.#updated
    updated.end()
    out.append(updated.bytes, 0, updated.length)
    out.beginDocument()
    this.#removed.forEach((path, index) => {
      out.string(indexName(index), path)
    })
    out.end()
    out.beginDocument()
    this.#truncated.forEach(({ path, size }, index) => {
      out.beginDocument(indexName(index))
      out.string('field', path)
      out.int32('newSize', size)
      out.end()
    })
    out.end()
    out.beginDocument()
    for (const [path, parts] of this.#ambiguous) {
      out.beginArray(path)
      parts.forEach((part, index) => {
        if (typeof part === 'number') out.int32(indexName(index), part)
        else out.string(indexName(index), part)
      })
      out.end()
    }
    out.end()
  }

  #join(last: DescribedPart): string {
    const { path } = this
    if (path.length === 0) {
      const name = String(last)
      // At the top a number can only be a name.
      if (name.includes('.')) this.#ambiguous.set(name, [last])
      return name
    }
    const joined = `${path.join('.')}.${last}`
    const ambiguous = isAmbiguous(last) || path.some((part, index) => (index > 0 ? isAmbiguous(part) : hasDot(part)))
    if (ambiguous) this.#ambiguous.set(joined, [...path, last])
    return joined
  }
}

/** Whether the part is a name that reads as an index or as several parts. */
function isAmbiguous(part: DescribedPart): boolean {
  if (typeof part === 'number') return false
  const first = part.charCodeAt(0)
  return (first >= 48 && first <= 57 && /^(?:0|[1-9]\d*)$/.test(part)) || part.includes('.')
}

function hasDot(part: DescribedPart): boolean {
  return typeof part === 'string' && part.includes('.')
}
