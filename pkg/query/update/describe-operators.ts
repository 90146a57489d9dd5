/**
 * What an update with operators did, told by the paths it names: a field that an operator set is shown whole, however little of it
 * differs, and what the update does not name is not looked at.
 */
import { bsonType } from '../../bson/type.ts'
import type { Value } from '../../bson/value.ts'
import { ElementWalker, findField } from '../../bson/walk.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import type { ChangeDescriber } from '../../engine/change-notes.ts'
import { describeDifference, sameValue } from './describe-difference.ts'
import { UpdateDescription } from './description.ts'
import type { BranchNode, Child, OperatorUpdate, UpdateNode } from './update.ts'

const description = new UpdateDescription()

/** Describes what an update made of a document. */
export class OperatorDescriber implements ChangeDescriber {
  readonly #update: OperatorUpdate

  constructor(update: OperatorUpdate) {
    this.#update = update
  }

  describe(before: Uint8Array, start: number, after: Uint8Array, out: BsonWriter): boolean {
    const { flat, root } = this.#update
    if (flat === undefined || !describeFlat(flat, before, start, after, out)) {
      describeBranch(root, before, start, after, 0, description.reset())
      description.writeTo(out)
    }
    return true
  }
}

const beforeWalker = new ElementWalker()
const afterWalker = new ElementWalker()
/** No removed fields, no truncated arrays, no ambiguous paths: three empty documents. */
const nothingElse = new Uint8Array([5, 0, 0, 0, 0, 5, 0, 0, 0, 0, 5, 0, 0, 0, 0])

/**
 * The common case: top-level fields that were there and still are, each a path by itself, so that its element is copied as it stands.
 * False, with nothing written: it is another case.
 */
function describeFlat(
  fields: readonly Child[],
  before: Uint8Array,
  start: number,
  after: Uint8Array,
  out: BsonWriter,
): boolean {
  const { length } = out
  out.beginDocument()
  for (let i = 0; i < fields.length; i++) {
    const { nameBytes } = fields[i]!
    const found =
      findField(beforeWalker, before, start, nameBytes) &&
      findField(afterWalker, after, 0, nameBytes) &&
      // What is pushed is shown by its place.
      afterWalker.type !== bsonType.array
    if (!found) {
      out.end()
      out.length = length
      return false
    }
    if (!sameElement()) out.raw(after, afterWalker.nameStart - 1, afterWalker.valueEnd)
  }
  out.end()
  out.append(nothingElse, 0, nothingElse.length)
  return true
}

/** Whether the two walkers rest on values that are the same to the last bit. */
function sameElement(): boolean {
  const { bytes: a, valueStart: aStart } = beforeWalker
  const { bytes: b, valueStart: bStart } = afterWalker
  const length = beforeWalker.valueEnd - aStart
  if (beforeWalker.type !== afterWalker.type || afterWalker.valueEnd - bStart !== length) return false
  for (let i = 0; i < length; i++) if (a[aStart + i] !== b[bStart + i]) return false
  return true
}

/** First the fields that were there, then those that are new, then what changed inside of fields: MongoDB's order. */
function describeBranch(
  { children }: BranchNode,
  before: Uint8Array,
  beforeStart: number,
  after: Uint8Array,
  afterStart: number,
  into: UpdateDescription,
): void {
  let created: { name: string; value: Value }[] | undefined
  let inner: { node: UpdateNode; name: string; before: Value; after: Value }[] | undefined
  for (const { name, nameBytes, node } of children) {
    const was = findField(beforeWalker, before, beforeStart, nameBytes)
    const is = findField(afterWalker, after, afterStart, nameBytes)
    if (!was && !is) continue
    if (!is) {
      into.remove(name)
      continue
    }
    const value = afterWalker.value()
    if (!was) {
      created ??= []
      created.push({ name, value })
      continue
    }
    const old = beforeWalker.value()
    if (sameValue(old, value)) continue
    if (isWhole(node, old, value)) into.update(name, value)
    else {
      inner ??= []
      inner.push({ node, name, before: old, after: value })
    }
  }
  for (const { name, value } of created ?? []) into.update(name, value)
  for (const each of inner ?? []) {
    into.path.push(each.name)
    describeInside(each.node, each.before, each.after, into)
    into.path.pop()
  }
}

/** Whether the new value is shown rather than what changed inside of it. */
function isWhole(node: UpdateNode, before: Value, after: Value): boolean {
  if (before.type !== after.type || (after.type !== bsonType.document && after.type !== bsonType.array)) return true
  return node.kind === 'leaf' && !(node.modifier.operator === '$push' && isAppended(before, after))
}

function describeInside(node: UpdateNode, before: Value, after: Value, into: UpdateDescription): void {
  if (after.type === bsonType.array) describeElements(node, elementsOf(before), elementsOf(after), into)
  else if (node.kind === 'branch') describeBranch(node, before.bytes, before.start, after.bytes, after.start, into)
}

function describeElements(
  node: UpdateNode,
  before: readonly Value[],
  after: readonly Value[],
  into: UpdateDescription,
): void {
  after.forEach((value, index) => {
    const old = before[index]
    if (old === undefined) {
      // Elements between the end and one that was set are nulls that come about by themselves.
      if (node.kind === 'leaf' || value.type !== bsonType.null || isNamed(node, index)) into.update(index, value)
      return
    }
    if (sameValue(old, value)) return
    const child = childAt(node, index)
    if (child !== undefined && isWhole(child, old, value)) into.update(index, value)
    else {
      into.path.push(index)
      if (child !== undefined) describeInside(child, old, value, into)
      else describeDifference(old, value, into)
      into.path.pop()
    }
  })
}

/** What is done to the element; undefined when that depends on filters or the element that the query matched. */
function childAt(node: UpdateNode, index: number): UpdateNode | undefined {
  if (node.kind === 'elements') return node.children.length === 1 ? node.children[0]!.node : undefined
  if (node.kind !== 'branch') return undefined
  const positional = node.children.find(({ name }) => name === '$')
  const named = node.children.find(({ arrayIndex }) => arrayIndex === index)
  if (named !== undefined && positional !== undefined) return undefined
  return (named ?? positional)?.node
}

function isNamed(node: UpdateNode, index: number): boolean {
  return node.kind !== 'branch' || node.children.some(({ arrayIndex }) => arrayIndex === index)
}

function isAppended(before: Value, after: Value): boolean {
  if (after.end - after.start <= before.end - before.start) return false
  // The elements lie between the length and the NUL at the end.
  const length = before.end - before.start - 5
  for (let i = 4; i < 4 + length; i++) if (before.bytes[before.start + i] !== after.bytes[after.start + i]) return false
  return after.bytes[after.start + 4 + length] !== 0
}

function elementsOf(array: Value): Value[] {
  const elements: Value[] = []
  const walker = new ElementWalker().reset(array.bytes, array.start)
  while (walker.next()) elements.push(walker.value())
  return elements
}
