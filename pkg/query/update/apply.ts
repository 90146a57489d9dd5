/**
 * Applies an update to a document: one new document, or an error and nothing.
 *
 * Two ways to the same result. When every path is a top-level field that is there and keeps its size, the document is
 * copied once and patched. Else it is rebuilt in one pass: runs of untouched elements are copied as they are, touched
 * ones are rewritten where they stand, and missing ones are appended in the order of the tree.
 */
import { DatabaseError } from '../../base/errors.ts'
import { documentSizeMax } from '../../base/limits.ts'
import { bsonType } from '../../bson/type.ts'
import { readInt32, type Value } from '../../bson/value.ts'
import { ElementWalker } from '../../bson/walk.ts'
import { BsonWriter } from '../../bson/writer.ts'
import { refuseDeep } from './depth.ts'
import { describeElement } from './describe.ts'
import { dollarPrefixed, idWouldChange, sameId } from './immutable.ts'
import { paddingMax } from './path.ts'
import { positionalIndex } from './positional.ts'
import { applyReplacement } from './replace.ts'
import { buildTree, mergeNodes, resolvePositional } from './tree.ts'
import type {
  ApplyState,
  BranchNode,
  Child,
  ElementsNode,
  OnMissing,
  Update,
  UpdateContext,
  UpdateField,
  UpdateNode,
} from './update.ts'
import { onMissing } from './update.ts'

export interface UpdateResult {
  /** The whole new document; when nothing changed, the bytes that were there. */
  readonly document: Uint8Array
  /** Whether `document` differs from what was there in at least one byte. */
  readonly changed: boolean
  /** Bytes at the head and at the tail that are known to be those that were there; undefined: nothing is known. */
  readonly kept?: { readonly head: number; readonly tail: number }
}

/**
 * Applies `update` to the document at `start`. The bytes there are not changed.
 *
 * Errors: PathNotViable, ImmutableField, TypeMismatch, BadValue and what else the operators refuse, BSONObjectTooLarge beyond 16 MiB,
 * Overflow for what nests too deep.
 */
export function applyUpdate(update: Update, bytes: Uint8Array, start: number, context: UpdateContext): UpdateResult {
  if (update.kind === 'replacement') return { ...applyReplacement(update.document, bytes, start), changed: true }
  const state: ApplyState = { context, bytes, start, inserting: false }
  if (update.flat !== undefined) {
    const patched = patch(update.flat, state)
    if (patched !== undefined) return patched
  }
  return rebuildDocument(update.positional ? positionalRoot(update.fields, state) : update.root, state)
}

/** As `applyUpdate` for a document that an upsert is about to insert: `$setOnInsert` counts. */
export function applyToNew(
  update: Update & { kind: 'operators' },
  bytes: Uint8Array,
  context: UpdateContext,
): Uint8Array {
  const state: ApplyState = { context, bytes, start: 0, inserting: true }
  return rebuildDocument(update.positional ? positionalRoot(update.fields, state) : update.root, state).document
}

function positionalRoot(fields: readonly UpdateField[], { context, bytes, start }: ApplyState): BranchNode {
  const index =
    context.filter === undefined ? undefined : positionalIndex(context.filter, bytes, start, context.collation)
  if (index === undefined) {
    throw new DatabaseError('BadValue', 'The positional operator did not find the match needed from the query.')
  }
  return buildTree(resolvePositional(fields, index))
}

// --- in place

const patchWalker = new ElementWalker()
/** Results of the fields of one patch, by the index of the field. */
const patchResults: (Value | undefined)[] = []
const patchPlaces: number[] = []

/** The patched copy, or undefined when the change does not fit in place. */
function patch(fields: readonly Child[], state: ApplyState): UpdateResult | undefined {
  const { bytes, start } = state
  const walker = patchWalker.reset(bytes, start)
  let missing = fields.length
  let changed = false
  for (let i = 0; i < fields.length; i++) patchPlaces[i] = -1
  while (missing > 0 && walker.next()) {
    const found = matchingField(fields, walker)
    if (found < 0 || patchPlaces[found]! >= 0) continue
    const field = fields[found]!
    if (field.node.kind !== 'leaf') return undefined
    const existing: Value = { type: walker.type, bytes, start: walker.valueStart, end: walker.valueEnd }
    const result = field.node.modifier.modify(existing, state, field.name)
    if (result === undefined || result.type !== existing.type) return undefined
    if (result.end - result.start !== existing.end - existing.start) return undefined
    patchPlaces[found] = existing.start
    patchResults[found] = result
    if (result !== existing) changed = true
    missing--
  }
  if (missing > 0) return undefined
  const size = readInt32(bytes, start)
  if (!changed) return { document: bytes.subarray(start, start + size), changed: false }
  const document = copyOf(bytes, start, size)
  let head = size
  let end = 0
  for (let i = 0; i < fields.length; i++) {
    const result = patchResults[i]!
    patchResults[i] = undefined
    const from = result.bytes
    let at = patchPlaces[i]! - start
    for (let from_ = result.start; from_ < result.end; from_++, at++) {
      const byte = from[from_]!
      if (document[at] !== byte) {
        document[at] = byte
        if (at < head) head = at
        if (at >= end) end = at + 1
      }
    }
  }
  return end === 0 ? { document, changed: false } : { document, changed: true, kept: { head, tail: size - end } }
}

function matchingField(fields: readonly Child[], walker: ElementWalker): number {
  const { bytes, nameStart } = walker
  const length = walker.nameEnd - nameStart
  search: for (let i = 0; i < fields.length; i++) {
    const name = fields[i]!.nameBytes
    if (name.length !== length) continue
    for (let k = 0; k < length; k++) if (name[k] !== bytes[nameStart + k]) continue search
    return i
  }
  return -1
}

/** Of more fields than this the one of a name is looked up. */
const comparedMax = 16

function placesOf(fields: readonly Child[]): ReadonlyMap<string, number> {
  return new Map(fields.map(({ name }, place) => [name, place]))
}

/** Small documents are cut from a common slab: allocating a typed array of its own for each costs more than the copy. */
const slabSize = 64 * 1024
let slab = new Uint8Array(slabSize)
let slabUsed = 0

function copyOf(bytes: Uint8Array, start: number, size: number): Uint8Array {
  if (size > slabSize / 16) return bytes.slice(start, start + size)
  if (slabUsed + size > slabSize) {
    slab = new Uint8Array(slabSize)
    slabUsed = 0
  }
  const copy = slab.subarray(slabUsed, slabUsed + size)
  slabUsed += size
  copy.set(bytes.subarray(start, start + size))
  return copy
}

// --- by rebuilding

const writer = new BsonWriter()

function rebuildDocument(root: BranchNode, state: ApplyState): UpdateResult {
  const { bytes, start } = state
  const size = readInt32(bytes, start)
  writer.reset()
  writer.beginDocument()
  rebuildFields(root, bytes, start, '', state, writer)
  writer.end()
  if (sameBytes(writer.bytes, writer.length, bytes, start, size)) {
    return { document: bytes.subarray(start, start + size), changed: false }
  }
  if (writer.length > documentSizeMax) {
    throw new DatabaseError('BSONObjectTooLarge', `Resulting document after update is larger than ${documentSizeMax}`)
  }
  const document = copyOf(writer.bytes, 0, writer.length)
  if (!state.inserting) refuseForbiddenFields(root, bytes, start, document)
  return { document, changed: true }
}

/** What no update may do to a document that is there. Errors: ImmutableField, DollarPrefixedFieldName. */
function refuseForbiddenFields(root: BranchNode, bytes: Uint8Array, start: number, document: Uint8Array): void {
  for (const { name } of root.children) {
    if (name === '_id' && !sameId(bytes, start, document)) throw idWouldChange(idPath(root))
    if (name.startsWith('$')) throw dollarPrefixed(name)
  }
}

/** Writes the fields of the document at `start` with the changes of `branch`, and those that it creates. */
function rebuildFields(
  branch: BranchNode,
  bytes: Uint8Array,
  start: number,
  path: string,
  state: ApplyState,
  out: BsonWriter,
): void {
  const { children } = branch
  const places = children.length > comparedMax ? placesOf(children) : undefined
  const done = new Done(children.length)
  const walker = new ElementWalker().reset(bytes, start)
  let runStart = start + 4
  let runEnd = runStart
  while (walker.next()) {
    const found =
      done.count === children.length
        ? -1
        : places === undefined
          ? matchingField(children, walker)
          : (places.get(walker.name()) ?? -1)
    if (found >= 0 && done.add(found)) {
      const child = children[found]!
      if (runEnd > runStart) out.raw(bytes, runStart, runEnd)
      rebuildElement(child.node, walker, child.name, joinPath(path, child.name), false, state, out)
      runStart = walker.valueEnd
    }
    runEnd = walker.valueEnd
  }
  if (runEnd > runStart) out.raw(bytes, runStart, runEnd)
  if (done.count === children.length) return
  for (let i = 0; i < children.length; i++) {
    const child = children[i]!
    if (done.add(i)) create(child.node, child.name, joinPath(path, child.name), state, out)
  }
}

/** Which children of a branch have been seen in the document; a name that comes twice counts once. */
class Done {
  count = 0
  #bits = 0
  readonly #more: Set<number> | undefined

  constructor(children: number) {
    this.#more = children > 31 ? new Set() : undefined
  }

  /** False when the child had been added before. */
  add(child: number): boolean {
    if (this.#more !== undefined) {
      if (this.#more.has(child)) return false
      this.#more.add(child)
    } else {
      const bit = 1 << child
      if ((this.#bits & bit) !== 0) return false
      this.#bits |= bit
    }
    this.count++
    return true
  }
}

/** Writes the element at the walker as `node` changes it. `inArray`: a removed one becomes null instead. */
function rebuildElement(
  node: UpdateNode,
  walker: ElementWalker,
  fieldName: string,
  path: string,
  inArray: boolean,
  state: ApplyState,
  out: BsonWriter,
): void {
  const { bytes, type, nameStart, nameEnd, valueStart, valueEnd } = walker
  switch (node.kind) {
    case 'leaf': {
      const result = node.modifier.modify({ type, bytes, start: valueStart, end: valueEnd }, state, fieldName)
      if (result !== undefined) {
        refuseDeep(path, result)
        out.element(result.type, bytes, nameStart, nameEnd, result.bytes, result.start, result.end)
      } else if (inArray) out.null(fieldName)
      return
    }
    case 'branch': {
      if (type === bsonType.document) {
        out.beginDocument(fieldName)
        rebuildFields(node, bytes, valueStart, path, state, out)
        out.end()
      } else if (type === bsonType.array) {
        out.beginArray(fieldName)
        rebuildArray(node, bytes, valueStart, fieldName, path, state, out)
        out.end()
      } else {
        for (const child of node.children) {
          if (wantOf(child.node, state) !== onMissing.ignore) {
            throw pathNotViable(child.name, fieldName, { type, bytes, start: valueStart, end: valueEnd })
          }
        }
        out.element(type, bytes, nameStart, nameEnd, bytes, valueStart, valueEnd)
      }
      return
    }
    case 'elements': {
      if (type !== bsonType.array) {
        const element = describeElement(fieldName, { type, bytes, start: valueStart, end: valueEnd })
        throw new DatabaseError('BadValue', `Cannot apply array updates to non-array element ${element}`)
      }
      out.beginArray(fieldName)
      rebuildMatching(node, bytes, valueStart, path, state, out)
      out.end()
      return
    }
  }
}

/** Writes the elements of the array at `start` with the changes of the children that are indices. */
function rebuildArray(
  branch: BranchNode,
  bytes: Uint8Array,
  start: number,
  arrayName: string,
  path: string,
  state: ApplyState,
  out: BsonWriter,
): void {
  const byIndex = new Map<number, Child>()
  for (const child of branch.children) {
    if (child.arrayIndex >= 0) byIndex.set(child.arrayIndex, child)
    else if (wantOf(child.node, state) !== onMissing.ignore) {
      throw pathNotViable(child.name, arrayName, {
        type: bsonType.array,
        bytes,
        start,
        end: start + readInt32(bytes, start),
      })
    }
  }
  const walker = new ElementWalker().reset(bytes, start)
  let length = 0
  while (walker.next()) {
    const child = byIndex.get(length)
    if (child === undefined) out.raw(bytes, walker.nameStart - 1, walker.valueEnd)
    else rebuildElement(child.node, walker, child.name, joinPath(path, child.name), true, state, out)
    length++
  }
  for (const child of branch.children) {
    if (child.arrayIndex < length || wantOf(child.node, state) !== onMissing.create) continue
    if (child.arrayIndex - length > paddingMax) {
      throw new DatabaseError('CannotBackfillArray', `can't backfill more than ${paddingMax} elements`)
    }
    for (; length < child.arrayIndex; length++) out.null(String(length))
    create(child.node, child.name, joinPath(path, child.name), state, out)
    length++
  }
}

/** Writes the elements of the array at `start`, each with the changes of the element filters that match it. */
function rebuildMatching(
  elements: ElementsNode,
  bytes: Uint8Array,
  start: number,
  path: string,
  state: ApplyState,
  out: BsonWriter,
): void {
  const walker = new ElementWalker().reset(bytes, start)
  for (let index = 0; walker.next(); index++) {
    const elementPath = `${path}.${index}`
    const element = walker.value()
    let node: UpdateNode | undefined
    for (const child of elements.children) {
      if (!child.filter.matches(element)) continue
      node = node === undefined ? child.node : mergeNodes(node, child.node, elementPath)
    }
    if (node === undefined) out.raw(bytes, walker.nameStart - 1, walker.valueEnd)
    else rebuildElement(node, walker, String(index), elementPath, true, state, out)
  }
}

/** Writes the missing field as `node` creates it, if it does. */
function create(node: UpdateNode, fieldName: string, path: string, state: ApplyState, out: BsonWriter): void {
  if (node.kind === 'elements') {
    throw new DatabaseError(
      'BadValue',
      `The path '${path}' must exist in the document in order to apply array updates.`,
    )
  }
  if (node.kind === 'leaf') {
    if (node.modifier.onMissing(state) !== onMissing.create) return
    const result = node.modifier.modify(undefined, state, fieldName)
    if (result !== undefined) {
      refuseDeep(path, result)
      out.value(fieldName, result)
    }
    return
  }
  if (wantOf(node, state) !== onMissing.create) return
  out.beginDocument(fieldName)
  for (const child of node.children) create(child.node, child.name, joinPath(path, child.name), state, out)
  out.end()
}

/** The most that the leaves of `node` want of a place that is not there. */
function wantOf(node: UpdateNode, state: ApplyState): OnMissing {
  if (node.kind === 'leaf') return node.modifier.onMissing(state)
  if (node.kind === 'elements') return onMissing.create
  let want: OnMissing = onMissing.ignore
  for (const child of node.children) {
    const childWant = wantOf(child.node, state)
    if (childWant > want) want = childWant
  }
  return want
}

function pathNotViable(fieldName: string, parentName: string, parent: Value): DatabaseError {
  return new DatabaseError(
    'PathNotViable',
    `Cannot create field '${fieldName}' in element ${describeElement(parentName, parent)}`,
  )
}

function joinPath(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}

/** The path by which the update reaches `_id`, for the error. */
function idPath(root: BranchNode): string {
  let child = root.children.find(({ name }) => name === '_id')
  let path = '_id'
  while (child?.node.kind === 'branch') {
    child = child.node.children[0]!
    path += `.${child.name}`
  }
  return path
}

function sameBytes(a: Uint8Array, aLength: number, b: Uint8Array, bStart: number, bLength: number): boolean {
  if (aLength !== bLength) return false
  for (let i = 0; i < aLength; i++) if (a[i] !== b[bStart + i]) return false
  return true
}
