/**
 * Shapes documents by a field tree: from document bytes to a writer. What is kept is copied as it is, neighbours in one piece;
 * fields stay in the document's order, and what an inclusion computes comes after them.
 */
import { bsonType } from '../../bson/type.ts'
import { utf8Bytes } from '../../bson/utf8.ts'
import { valueEnd } from '../../bson/walk.ts'
import { type BsonWriter, indexName } from '../../bson/writer.ts'
import type { ExpressionCompiler } from '../../expression/compile.ts'
import type { EvaluationContext } from '../../expression/context.ts'
import { type Evaluate, missing } from '../../expression/expression.ts'
import { compilePart, type WritePart } from './array-part.ts'
import type { FieldBranch, FieldNode, ShapeMode } from './field-tree.ts'

/** Writes the fields of the shaped root document of `context` into the document that is open in `out`. */
export type Shape = (context: EvaluationContext, out: BsonWriter) => void

/** `compiler`: whose contexts the shape will be used with. */
export function compileShape(root: FieldBranch, mode: ShapeMode, compiler: ExpressionCompiler): Shape {
  const branch = new BranchShape(root, mode, compiler)
  return (context, out) => branch.write(context.bytes, context.start, context, out)
}

interface ChildShape {
  readonly name: string
  readonly nameBytes: Uint8Array
  readonly keeps: boolean
  readonly compute: Evaluate | undefined
  readonly part: WritePart | undefined
  readonly branch: BranchShape | undefined
  /** Whether a field is made where there is none. */
  readonly creates: boolean
  /** The field is written behind all that are kept. */
  readonly comesLast: boolean
}

/** Where in its document a field that comes last was met. */
interface Met {
  readonly type: number
  readonly at: number
}

class BranchShape {
  readonly #mode: ShapeMode
  readonly #children: readonly ChildShape[]
  readonly #names: readonly Uint8Array[]
  /** Whether something is written besides what the document's own elements become. */
  readonly #appends: boolean
  readonly creates: boolean

  constructor(branch: FieldBranch, mode: ShapeMode, compiler: ExpressionCompiler) {
    this.#mode = mode
    this.#children = [...branch.children].map(([name, node]) => childShape(name, node, mode, compiler))
    this.#names = this.#children.map(({ nameBytes }) => nameBytes)
    this.creates = this.#children.some((child) => child.creates)
    this.#appends = this.creates || this.#children.some((child) => child.comesLast)
  }

  write(bytes: Uint8Array, start: number, context: EvaluationContext, out: BsonWriter): void {
    const children = this.#children
    const keepsOthers = this.#mode !== 'include'
    /** Of the children: written already, or where they were met. */
    const met: (Met | true)[] | undefined = this.#appends ? [] : undefined
    let left = children.length
    let at = start + 4
    /** Elements from here on are kept and not yet written; -1: none are. */
    let keptFrom = -1
    while (bytes[at] !== 0) {
      const element = at
      const type = bytes[at]!
      while (bytes[++at] !== 0);
      const found = this.#find(bytes, element + 1, at)
      const value = at + 1
      at = valueEnd(bytes, type, value)
      const child = found < 0 ? undefined : children[found]!
      if (child === undefined ? keepsOthers : child.keeps) {
        if (keptFrom < 0) keptFrom = element
      } else {
        if (keptFrom >= 0) out.raw(bytes, keptFrom, element)
        keptFrom = -1
        if (child?.comesLast) {
          if (met![found] === undefined) met![found] = { type, at: value }
        } else if (child !== undefined && met?.[found] !== true) {
          const written = this.#writeChild(child, type, bytes, value, context, out)
          if (written && met !== undefined) met[found] = true
        }
      }
      if (child !== undefined && --left === 0) {
        // Nothing named is left: the rest goes as a whole, or not at all.
        if (keepsOthers) {
          const rest = keptFrom < 0 ? at : keptFrom
          at = valueEnd(bytes, bsonType.document, start) - 1
          out.raw(bytes, rest, at)
          keptFrom = -1
        }
        break
      }
    }
    if (keptFrom >= 0) out.raw(bytes, keptFrom, at)
    if (met === undefined) return
    for (let i = 0; i < children.length; i++) {
      const place = met[i]
      if (place !== true) appendField(children[i]!, bytes, place, context, out)
    }
  }

  /** Writes an element as its child says; false when something must still be made in its place. */
  #writeChild(
    child: ChildShape,
    type: number,
    bytes: Uint8Array,
    start: number,
    context: EvaluationContext,
    out: BsonWriter,
  ): boolean {
    const { branch, compute, part } = child
    if (branch !== undefined) {
      if (type === bsonType.document || type === bsonType.array) {
        branch.#writeValue(child.name, type, bytes, start, context, out)
        return true
      }
      if (this.#mode === 'include') return false
      if (this.#mode === 'exclude') {
        out.head(type, child.name)
        out.append(bytes, start, valueEnd(bytes, type, start))
      } else createField(child, context, out)
      return true
    }
    if (part !== undefined) part(type, bytes, start, child.name, context, out)
    else if (compute !== undefined) writeComputed(child.name, compute, context, out)
    return true
  }

  #writeValue(
    name: string,
    type: number,
    bytes: Uint8Array,
    start: number,
    context: EvaluationContext,
    out: BsonWriter,
  ): void {
    if (type === bsonType.document) {
      out.beginDocument(name)
      this.write(bytes, start, context, out)
    } else {
      out.beginArray(name)
      this.#writeElements(bytes, start, context, out)
    }
    out.end()
  }

  #writeElements(bytes: Uint8Array, start: number, context: EvaluationContext, out: BsonWriter): void {
    let at = start + 4
    let count = 0
    for (;;) {
      const type = bytes[at]!
      if (type === 0) return
      while (bytes[++at] !== 0);
      const value = at + 1
      at = valueEnd(bytes, type, value)
      if (type === bsonType.document || type === bsonType.array) {
        this.#writeValue(indexName(count++), type, bytes, value, context, out)
      } else if (this.#mode === 'exclude') {
        out.head(type, indexName(count++))
        out.append(bytes, value, at)
      } else if (this.creates) this.create(indexName(count++), context, out)
    }
  }

  /** Writes a document with the computed fields only. */
  create(name: string, context: EvaluationContext, out: BsonWriter): void {
    out.beginDocument(name)
    for (const child of this.#children) createField(child, context, out)
    out.end()
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

function childShape(name: string, node: FieldNode, mode: ShapeMode, compiler: ExpressionCompiler): ChildShape {
  const branch = node.kind === 'branch' ? new BranchShape(node, mode, compiler) : undefined
  const compute = node.kind === 'compute' ? compiler.compile(node.expression) : undefined
  const isPart = node.kind === 'slice' || node.kind === 'elemMatch' || node.kind === 'positional'
  return {
    name,
    nameBytes: utf8Bytes(name),
    keeps: node.kind === 'keep',
    compute,
    part: isPart ? compilePart(node) : undefined,
    branch,
    creates: compute !== undefined || branch?.creates === true,
    // Elsewhere what is computed stays in the place of what was there.
    comesLast: mode === 'include' && (node.kind === 'compute' || node.kind === 'elemMatch'),
  }
}

/** Writes what comes behind the kept fields. `place`: where the field was met, if it was. */
function appendField(
  child: ChildShape,
  bytes: Uint8Array,
  place: Met | undefined,
  context: EvaluationContext,
  out: BsonWriter,
): void {
  if (child.comesLast && child.part !== undefined) {
    if (place !== undefined) child.part(place.type, bytes, place.at, child.name, context, out)
  } else createField(child, context, out)
}

function createField(child: ChildShape, context: EvaluationContext, out: BsonWriter): void {
  if (!child.creates) return
  if (child.branch !== undefined) child.branch.create(child.name, context, out)
  else if (child.compute !== undefined) writeComputed(child.name, child.compute, context, out)
}

function writeComputed(name: string, compute: Evaluate, context: EvaluationContext, out: BsonWriter): void {
  const value = compute(context)
  if (value !== missing) out.value(name, value)
}
