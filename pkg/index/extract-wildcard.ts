/**
 * Keys of a wildcard index: for every path that leads to a value in the document, one key for each value, of two parts: the
 * path (as a string) and the value. Documents are gone into, an empty one is a value; an array gives its elements under its own
 * path, an empty one undefined, and an array directly in an array is a value as a whole. What is not there has no key.
 *
 * In a compound wildcard index the keys of the other parts go before and after, every combination; a document without any
 * path has MinKey for both path and value, so that it is found by the other parts.
 */
import { DatabaseError } from '../base/errors.ts'
import { encodeKey, KeyWriter } from '../bson/key.ts'
import { bsonType } from '../bson/type.ts'
import { readUtf8 } from '../bson/utf8.ts'
import { documentFields, isNumber, minKeyValue, stringValue, truthy, type Value } from '../bson/value.ts'
import { ElementWalker, valueEnd } from '../bson/walk.ts'
import { holdsString } from '../collation/collation.ts'
import type { IndexDefinition } from './definition.ts'
import { type Extractor, KeyExtractor } from './extract.ts'
import { KeySet } from './key-set.ts'
import { typeCode, typeCodeOf } from './type-code.ts'

/** Which paths a wildcard part covers: a tree of names; a leaf stands for all below it. */
interface Selection {
  readonly include: boolean
  readonly root: SelectionNode
}

type SelectionNode = Map<string, SelectionNode>

export class WildcardExtractor implements Extractor {
  readonly #definition: IndexDefinition
  readonly #selection: Selection | undefined
  readonly #scope: readonly string[]
  readonly #before: KeyExtractor | undefined
  readonly #after: KeyExtractor | undefined
  readonly #beforeCount: number
  readonly #beforeKeys = new KeySet()
  readonly #afterKeys = new KeySet()
  readonly #found = new KeySet()
  readonly #pathKeys = new Map<string, Uint8Array>()

  constructor(definition: IndexDefinition) {
    this.#definition = definition
    const { keyPaths, wildcardAt } = definition
    const before = keyPaths.slice(0, wildcardAt)
    const after = keyPaths.slice(wildcardAt + 1)
    this.#before = before.length === 0 ? undefined : new KeyExtractor(before, false, definition.collation)
    this.#after = after.length === 0 ? undefined : new KeyExtractor(after, false, definition.collation)
    this.#beforeCount = before.length
    const scope = keyPaths[wildcardAt]!.path
    this.#scope = scope === '' ? [] : scope.split('.')
    this.#selection = selectionOf(definition)
  }

  /** Whether the index holds what is found at `path`: what the planner asks. */
  covers(path: string): boolean {
    const parts = path.split('.')
    for (const [i, part] of this.#scope.entries()) if (parts[i] !== part) return false
    return this.#selects(parts)
  }

  extract(document: Uint8Array, start: number, into: KeySet): void {
    into.reset()
    const { keyPaths, wildcardAt } = this.#definition
    into.partCount = keyPaths.length
    const found = this.#found
    found.reset()
    found.partCount = 1
    this.#document(document, start, [], found)
    const compound = this.#before !== undefined || this.#after !== undefined
    if (found.multikey) into.markArray(wildcardAt, 0)
    if (found.count === 0) {
      if (!compound) return
      this.#add(found, minKeyValue, bsonType.minKey, minKeyValue.bytes, minKeyValue.start)
    }
    this.#before?.extract(document, start, this.#beforeKeys)
    this.#after?.extract(document, start, this.#afterKeys)
    if (
      (this.#before !== undefined && this.#beforeKeys.multikey) ||
      (this.#after !== undefined && this.#afterKeys.multikey)
    )
      throw new DatabaseError(
        7246301,
        'the fields of a compound wildcard index besides the wildcard may not hold arrays',
      )
    for (let b = 0; b < (this.#before === undefined ? 1 : this.#beforeKeys.count); b++) {
      for (let w = 0; w < found.count; w++) {
        for (let a = 0; a < (this.#after === undefined ? 1 : this.#afterKeys.count); a++) this.#combine(into, b, w, a)
      }
    }
    if (into.count > 1) into.sortDistinct()
  }

  #combine(into: KeySet, b: number, w: number, a: number): void {
    const { writer } = into
    const from = writer.length
    const base = into.count * into.partCount
    if (this.#before !== undefined) this.#copyKey(this.#beforeKeys, b, into, base)
    this.#copyKey(this.#found, w, into, base + this.#beforeCount)
    if (this.#after !== undefined) this.#copyKey(this.#afterKeys, a, into, base + this.#beforeCount + 1)
    into.starts[into.count] = from
    into.ends[into.count] = writer.length
    let lost = 0
    for (let f = 0; f < into.partCount; f++) lost |= into.codes[base + f]!
    into.lost[into.count] = lost
    into.count++
  }

  #copyKey(from: KeySet, i: number, into: KeySet, at: number): void {
    into.writer.append(from.writer.bytes, from.starts[i]!, from.ends[i]!)
    for (let f = 0; f < from.partCount; f++) {
      into.types[at + f] = from.types[i * from.partCount + f]!
      into.valueStarts[at + f] = from.valueStarts[i * from.partCount + f]!
      into.codes[at + f] = from.codes[i * from.partCount + f]!
    }
  }

  /** The fields of the document or, with the array's own path, of a document in an array. */
  #document(bytes: Uint8Array, start: number, path: string[], into: KeySet): void {
    const walker = new ElementWalker().reset(bytes, start)
    while (walker.next()) {
      path.push(readUtf8(bytes, walker.nameStart, walker.nameEnd))
      if (this.#leadsOn(path)) this.#value(bytes, walker.type, walker.valueStart, path, into)
      path.pop()
    }
  }

  #value(bytes: Uint8Array, type: number, start: number, path: string[], into: KeySet): void {
    if (type === bsonType.document && !isEmpty(bytes, start)) {
      this.#document(bytes, start, path, into)
      return
    }
    if (type !== bsonType.array) {
      this.#leaf(bytes, type, start, path, into)
      return
    }
    into.markArray(0, 0)
    const elements = new ElementWalker().reset(bytes, start)
    let empty = true
    while (elements.next()) {
      empty = false
      if (elements.type === bsonType.document && !isEmpty(bytes, elements.valueStart)) {
        this.#document(bytes, elements.valueStart, path, into)
      } else this.#leaf(bytes, elements.type, elements.valueStart, path, into)
    }
    if (empty) this.#leaf(bytes, bsonType.undefined, start, path, into)
  }

  #leaf(bytes: Uint8Array, type: number, start: number, path: readonly string[], into: KeySet): void {
    if (path.length < this.#scope.length || !this.#selects(path)) return
    this.#add(into, stringValue(path.join('.')), type, bytes, start)
  }

  #add(into: KeySet, path: Value, type: number, bytes: Uint8Array, start: number): void {
    const { writer } = into
    const from = writer.length
    const { descending } = this.#definition.keyPaths[this.#definition.wildcardAt]!
    const { collation } = this.#definition
    const collated = collation !== undefined && holdsString(type, bytes, start)
    writer.append(this.#pathKey(path), 0, this.#pathKey(path).length)
    if (collated) collation.encodeKey(writer, type, bytes, start, descending)
    else encodeKey(writer, type, bytes, start, descending)
    into.starts[into.count] = from
    into.ends[into.count] = writer.length
    into.types[into.count] = type
    into.valueStarts[into.count] = start
    into.codes[into.count] = type === bsonType.undefined || collated ? typeCode.lost : typeCodeOf(type, bytes, start)
    into.lost[into.count] = 0
    into.count++
  }

  #pathKey(path: Value): Uint8Array {
    const text = path.type === bsonType.string ? readUtf8(path.bytes, path.start + 4, path.end - 1) : '\0'
    let key = this.#pathKeys.get(text)
    if (key === undefined) {
      key = pathKeyOf(path)
      if (this.#pathKeys.size === 1000) this.#pathKeys.clear()
      this.#pathKeys.set(text, key)
    }
    return key
  }

  /** Whether anything at or below `path` may belong to the index. */
  #leadsOn(path: readonly string[]): boolean {
    const depth = path.length - 1
    if (depth < this.#scope.length) return this.#scope[depth] === path[depth]
    return this.#selection === undefined || this.#selection.include || this.#selects(path)
  }

  #selects(path: readonly string[]): boolean {
    const selection = this.#selection
    if (selection === undefined) return path[0] !== '_id' || this.#scope.length > 0
    let node: SelectionNode | undefined = selection.root
    for (const part of path) {
      node = node.get(part)
      if (node === undefined) return !selection.include
      if (node.size === 0) return selection.include
    }
    return !selection.include
  }
}

/** The key of a path, as the wildcard part has it. */
export function pathKeyOf(path: Value): Uint8Array {
  const writer = new KeyWriter()
  encodeKey(writer, path.type, path.bytes, path.start)
  return writer.bytes.slice(0, writer.length)
}

function isEmpty(bytes: Uint8Array, start: number): boolean {
  return valueEnd(bytes, bsonType.document, start) - start === 5
}

/** Undefined when no projection was given: everything but `_id`. */
function selectionOf(definition: IndexDefinition): Selection | undefined {
  const projection = definition.wildcardProjection
  if (projection === undefined || projection.length === 5) return undefined
  const paths: { readonly path: string; readonly shown: boolean }[] = []
  collectPaths(projection, '', paths)
  const include = paths.some(({ path, shown }) => shown && (path !== '_id' || paths.length === 1))
  const root: SelectionNode = new Map()
  let showsId = false
  for (const { path, shown } of paths) {
    if (path === '_id') showsId = shown
    if (shown !== include) continue
    let node = root
    for (const part of path.split('.')) {
      let next = node.get(part)
      if (next === undefined) {
        next = new Map()
        node.set(part, next)
      }
      node = next
    }
  }
  // `_id` is left out unless it is asked for.
  if (!include && !showsId) root.set('_id', new Map())
  return { include, root }
}

function collectPaths(
  projection: Uint8Array,
  prefix: string,
  into: { readonly path: string; readonly shown: boolean }[],
): void {
  for (const field of documentFields(projection)) {
    const path = prefix + field.name
    if (field.type === bsonType.document) {
      collectPaths(field.bytes.subarray(field.start, field.end), `${path}.`, into)
    } else if (isNumber(field.type) || field.type === bsonType.boolean) into.push({ path, shown: truthy(field) })
    else throw new DatabaseError(51271, `wildcardProjection of '${path}' must be a number, boolean or object`)
  }
}
