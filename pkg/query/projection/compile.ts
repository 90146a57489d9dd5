/**
 * Projections as functions from document bytes to a writer. What is kept is copied as it is, neighbours in one piece;
 * fields stay in the document's order.
 *
 * A path goes through arrays: each document in one is projected, arrays in it likewise; what is neither is dropped from an
 * inclusion and kept by an exclusion. A path that goes on through a scalar drops it from an inclusion.
 */
import { bsonType } from '../../bson/type.ts'
import { valueEnd } from '../../bson/walk.ts'
import { type BsonWriter, indexName } from '../../bson/writer.ts'
import type { Projection, ProjectionNode } from './tree.ts'

/** Writes the projected document, whole, at the end of `into`. */
export type Project = (bytes: Uint8Array, start: number, end: number, into: BsonWriter) => void

export function compileProjection(projection: Projection): Project {
  if (projection.kind === 'all') {
    return (bytes, start, end, into) => into.append(bytes, start, end)
  }
  const shape = new DocumentShape(projection.root, projection.kind === 'inclusion')
  return (bytes, start, _end, into) => {
    into.beginDocument()
    shape.write(bytes, start, into)
    into.end()
  }
}

/** How one document is projected: its named fields, and the shapes of those that are projected themselves. */
class DocumentShape {
  readonly #inclusion: boolean
  readonly #names: readonly Uint8Array[]
  readonly #texts: readonly string[]
  /** undefined: the path ends here. */
  readonly #inner: readonly (DocumentShape | undefined)[]
  readonly #count: number

  constructor(node: ProjectionNode, inclusion: boolean) {
    const children = [...node.children.values()]
    this.#inclusion = inclusion
    this.#names = children.map(({ part }) => part.bytes)
    this.#texts = children.map(({ part }) => part.name)
    this.#inner = children.map((child) => (child.children.size === 0 ? undefined : new DocumentShape(child, inclusion)))
    this.#count = children.length
  }

  /** Writes the kept elements of the document at `start` into the document open in `into`. */
  write(bytes: Uint8Array, start: number, into: BsonWriter): void {
    const inclusion = this.#inclusion
    let left = this.#count
    let at = start + 4
    /** Elements from here on are kept and not yet written; -1: none are. */
    let keptFrom = -1
    while (bytes[at] !== 0) {
      const element = at
      const type = bytes[at]!
      while (bytes[++at] !== 0);
      const named = this.#find(bytes, element + 1, at)
      const value = at + 1
      at = valueEnd(bytes, type, value)
      const inner = named < 0 ? undefined : this.#inner[named]
      const keep = inner === undefined ? named < 0 !== inclusion : !inclusion && !isContainer(type)
      if (keep) {
        if (keptFrom < 0) keptFrom = element
      } else {
        if (keptFrom >= 0) into.raw(bytes, keptFrom, element)
        keptFrom = -1
        if (inner !== undefined && isContainer(type)) inner.#writeField(type, bytes, value, this.#texts[named]!, into)
      }
      if (named >= 0 && --left === 0) {
        // Nothing named is left: the rest goes as a whole, or not at all.
        if (!inclusion) {
          const rest = keptFrom < 0 ? at : keptFrom
          into.raw(bytes, rest, endOfDocument(bytes, start))
          return
        }
        break
      }
    }
    if (keptFrom >= 0) into.raw(bytes, keptFrom, at)
  }

  /** Writes the document or array at `start` as a field, projected. */
  #writeField(type: number, bytes: Uint8Array, start: number, name: string, into: BsonWriter): void {
    if (type === bsonType.document) {
      into.beginDocument(name)
      this.write(bytes, start, into)
    } else {
      into.beginArray(name)
      this.#writeElements(bytes, start, into)
    }
    into.end()
  }

  #writeElements(bytes: Uint8Array, start: number, into: BsonWriter): void {
    let at = start + 4
    let count = 0
    for (;;) {
      const type = bytes[at]!
      if (type === 0) return
      while (bytes[++at] !== 0);
      const value = at + 1
      at = valueEnd(bytes, type, value)
      if (isContainer(type)) this.#writeField(type, bytes, value, indexName(count++), into)
      else if (!this.#inclusion) {
        into.head(type, indexName(count++))
        into.append(bytes, value, at)
      }
    }
  }

  /** Which of the named fields this name is, or -1. */
  #find(bytes: Uint8Array, nameStart: number, nameEnd: number): number {
    const names = this.#names
    const length = nameEnd - nameStart
    next: for (let i = 0; i < names.length; i++) {
      const name = names[i]!
      if (name.length !== length) continue
      for (let j = 0; j < length; j++) if (bytes[nameStart + j] !== name[j]) continue next
      return i
    }
    return -1
  }
}

function isContainer(type: number): boolean {
  return type === bsonType.document || type === bsonType.array
}

/** Of the document's closing zero byte. */
function endOfDocument(bytes: Uint8Array, start: number): number {
  return valueEnd(bytes, bsonType.document, start) - 1
}
