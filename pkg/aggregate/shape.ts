/** Shapes documents by a field tree: from document bytes to a writer. */
import { bsonType } from '../bson/type.ts'
import { utf8Bytes } from '../bson/utf8.ts'
import { ElementWalker } from '../bson/walk.ts'
import { type BsonWriter, indexName } from '../bson/writer.ts'
import type { ExpressionCompiler } from '../expression/compile.ts'
import type { EvaluationContext } from '../expression/context.ts'
import { type Evaluate, missing } from '../expression/expression.ts'
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
  readonly kind: FieldNode['kind']
  readonly compute: Evaluate | undefined
  readonly branch: BranchShape | undefined
  /** Whether a field is made where there is none. */
  readonly creates: boolean
}

class BranchShape {
  readonly #mode: ShapeMode
  readonly #children: readonly ChildShape[]
  readonly #creates: boolean

  constructor(branch: FieldBranch, mode: ShapeMode, compiler: ExpressionCompiler) {
    this.#mode = mode
    this.#children = [...branch.children].map(([name, node]) => childShape(name, node, mode, compiler))
    this.#creates = this.#children.some((child) => child.creates)
  }

  get creates(): boolean {
    return this.#creates
  }

  write(bytes: Uint8Array, start: number, context: EvaluationContext, out: BsonWriter): void {
    const children = this.#children
    const keepOthers = this.#mode !== 'include'
    const walker = new ElementWalker().reset(bytes, start)
    const done: boolean[] = []
    let runStart = start + 4
    let runEnd = runStart
    while (walker.next()) {
      const found = this.#find(walker)
      if (found < 0 ? keepOthers : children[found]!.kind === 'keep') {
        if (runEnd !== walker.nameStart - 1) {
          if (runEnd > runStart) out.raw(bytes, runStart, runEnd)
          runStart = walker.nameStart - 1
        }
        runEnd = walker.valueEnd
        continue
      }
      if (runEnd > runStart) out.raw(bytes, runStart, runEnd)
      runStart = walker.valueEnd
      runEnd = runStart
      if (found >= 0 && done[found] !== true) done[found] = this.#writeChild(children[found]!, walker, context, out)
    }
    if (runEnd > runStart) out.raw(bytes, runStart, runEnd)
    if (!this.#creates) return
    for (let i = 0; i < children.length; i++) {
      if (done[i] !== true) createField(children[i]!, context, out)
    }
  }

  /** Writes the element at the walker as its child says; false when nothing stands in its place yet. */
  #writeChild(child: ChildShape, walker: ElementWalker, context: EvaluationContext, out: BsonWriter): boolean {
    const { type, bytes, valueStart } = walker
    if (child.branch !== undefined) {
      if (type === bsonType.document || type === bsonType.array) {
        child.branch.#writeValue(child.name, type, bytes, valueStart, context, out)
        return true
      }
      if (this.#mode === 'exclude') {
        out.raw(bytes, walker.nameStart - 1, walker.valueEnd)
        return true
      }
      if (this.#mode === 'include') return false
      createField(child, context, out)
      return true
    }
    // In an inclusion computed fields come after the kept ones, in the order written; elsewhere they stay in their place.
    if (child.compute === undefined || this.#mode === 'include') return false
    const value = child.compute(context)
    if (value !== missing) out.value(child.name, value)
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
      out.end()
      return
    }
    out.beginArray(name)
    const walker = new ElementWalker().reset(bytes, start)
    let index = 0
    while (walker.next()) {
      if (walker.type === bsonType.document || walker.type === bsonType.array) {
        this.#writeValue(indexName(index++), walker.type, bytes, walker.valueStart, context, out)
      } else if (this.#mode === 'exclude') out.value(indexName(index++), walker.value())
      else if (this.#creates) this.create(indexName(index++), context, out)
    }
    out.end()
  }

  /** Writes a document with the computed fields only. */
  create(name: string, context: EvaluationContext, out: BsonWriter): void {
    out.beginDocument(name)
    for (const child of this.#children) createField(child, context, out)
    out.end()
  }

  #find(walker: ElementWalker): number {
    const children = this.#children
    for (let i = 0; i < children.length; i++) if (walker.nameIs(children[i]!.nameBytes)) return i
    return -1
  }
}

function childShape(name: string, node: FieldNode, mode: ShapeMode, compiler: ExpressionCompiler): ChildShape {
  const branch = node.kind === 'branch' ? new BranchShape(node, mode, compiler) : undefined
  const compute = node.kind === 'compute' ? compiler.compile(node.expression) : undefined
  return {
    name,
    nameBytes: utf8Bytes(name),
    kind: node.kind,
    compute,
    branch,
    creates: compute !== undefined || branch?.creates === true,
  }
}

function createField(child: ChildShape, context: EvaluationContext, out: BsonWriter): void {
  if (!child.creates) return
  if (child.branch !== undefined) child.branch.create(child.name, context, out)
  else if (child.compute !== undefined) {
    const value = child.compute(context)
    if (value !== missing) out.value(child.name, value)
  }
}
