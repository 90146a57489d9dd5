/** Projections of find and findAndModify, and the specification of `$project`, which has no operators on arrays. */
import { DatabaseError } from '../../base/errors.ts'
import { bsonType } from '../../bson/type.ts'
import { documentFields, documentValue, isNumber, truthy, type Value } from '../../bson/value.ts'
import type { Expression } from '../../expression/expression.ts'
import { splitFieldPath } from '../../expression/field-path.ts'
import { operators } from '../../expression/operators/table.ts'
import { parseExpression } from '../../expression/parse.ts'
import { Scope } from '../../expression/scope.ts'
import { parseElemMatchAction, parseSliceAction } from './array-operators.ts'
import { addField, emptyBranch, type FieldBranch } from './field-tree.ts'
import type { Projection } from './tree.ts'

export interface ProjectionOptions {
  /** What `$$NOW` is, milliseconds since the epoch; without it, 0. */
  readonly nowMs?: number
  /** Variables that expressions may name, and their values by slot. */
  readonly scope?: Scope
  readonly variables?: readonly Value[]
  /** The query's filter: what positional `$` goes by. */
  readonly filter?: Uint8Array
}

/**
 * Throws 31253/31254 (inclusion and exclusion mixed), 31249/31250 (paths that collide), 51270 (an empty sub-projection),
 * 31252/31310 (an expression in an exclusion), 31325 (an unknown operator), those of positional `$` (31255, 31256, 31271, 31276,
 * 31308, 31394, 31395), `$slice` (28667, 28724) and `$elemMatch` (31274, 31275, the errors of filters), and of paths and expressions.
 */
export function parseProjection(bytes: Uint8Array, start = 0, options: ProjectionOptions = {}): Projection {
  const parser = new ProjectionParser(options.scope ?? Scope.outermost(), options.filter ?? emptyDocument, false)
  parser.addFields(documentValue(start === 0 ? bytes : bytes.subarray(start)), '')
  if (parser.isEmpty) return { kind: 'all' }
  const { root, mode } = parser.finish()
  return {
    kind: mode === 'include' ? 'inclusion' : 'exclusion',
    root,
    nowMs: options.nowMs ?? 0,
    variables: options.variables ?? [],
  }
}

/** The operand of `$project`, a document. Throws 51272 when it is empty, and what `parseProjection` throws. */
export function parseProjectStage(operand: Value, scope: Scope): { root: FieldBranch; mode: 'include' | 'exclude' } {
  const parser = new ProjectionParser(scope, emptyDocument, true)
  parser.addFields(operand, '')
  if (parser.isEmpty) throw new DatabaseError(51272, 'projection specification must have at least one field')
  return parser.finish()
}

const emptyDocument = new Uint8Array([5, 0, 0, 0, 0])

class ProjectionParser {
  readonly #root: FieldBranch = emptyBranch()
  readonly #scope: Scope
  readonly #filter: Uint8Array
  readonly #isStage: boolean
  #mode: 'include' | 'exclude' | undefined
  #id: 'keep' | 'drop' | undefined
  #hasElemMatch = false
  /** Of metadata, in a stage. */
  #hasMeta = false
  #hasPositional = false
  isEmpty = true

  constructor(scope: Scope, filter: Uint8Array, isStage: boolean) {
    this.#scope = scope
    this.#filter = filter
    this.#isStage = isStage
  }

  addFields(document: Value, prefix: string): void {
    for (const field of documentFields(document.bytes, document.start)) {
      this.isEmpty = false
      this.#addField(prefix === '' ? field.name : `${prefix}.${field.name}`, field)
    }
  }

  #addField(path: string, value: Value): void {
    if (isPositional(path)) this.#addPositional(path, value)
    else if (isNumber(value.type) || value.type === bsonType.boolean) this.#addFlag(path, truthy(value))
    else if (value.type === bsonType.document) this.#addDocument(path, value)
    else this.#addExpression(path, value)
  }

  #addDocument(path: string, value: Value): void {
    const [first, second] = documentFields(value.bytes, value.start)
    if (first === undefined) {
      throw new DatabaseError(51270, `An empty sub-projection is not a valid value. Found empty object at path ${path}`)
    }
    if (!first.name.startsWith('$')) {
      splitFieldPath(path)
      this.addFields(value, path)
      return
    }
    splitFieldPath(path)
    if (second !== undefined) {
      throw new DatabaseError(
        16410,
        `FieldPath field names may not start with '$'. Consider using $getField or $setField. Found: ${first.name}`,
      )
    }
    if (!this.#isStage && this.#addArrayOperator(path, first.name, first, value)) return
    if (this.#isStage && first.name === '$elemMatch') {
      throw new DatabaseError('InvalidPipelineOperator', 'Unrecognized expression $elemMatch: it is for find only')
    }
    if (!operators.has(first.name)) {
      const where = this.#isStage ? 'Invalid $project :: caused by :: ' : ''
      throw new DatabaseError(31325, `${where}Unknown expression ${first.name}`)
    }
    this.#addExpression(path, value, first.name === '$meta')
  }

  /** Whether it was `$slice` or `$elemMatch` as find has them. */
  #addArrayOperator(path: string, name: string, operand: Value, source: Value): boolean {
    if (name === '$slice') {
      const action = parseSliceAction(operand, source)
      if (action !== undefined) addField(this.#root, path, action)
      return action !== undefined
    }
    if (name !== '$elemMatch') return false
    if (this.#hasPositional) {
      throw new DatabaseError(31255, 'Cannot specify positional operator and $elemMatch.')
    }
    addField(this.#root, path, parseElemMatchAction(path, operand, source, this.#scope.collation))
    this.#hasElemMatch = true
    return true
  }

  #addExpression(path: string, value: Value, fitsExclusion = false): void {
    if (this.#mode === 'exclude' && !fitsExclusion) {
      throw new DatabaseError(
        value.type === bsonType.document ? 31252 : 31310,
        `Cannot use an expression for field ${path} in an exclusion projection`,
      )
    }
    const expression: Expression = parseExpression(value, this.#scope)
    if (path === '_id') this.#id = 'keep'
    if (!fitsExclusion) this.#mode = 'include'
    else if (this.#isStage) this.#hasMeta = true
    addField(this.#root, path, { kind: 'compute', expression, source: value })
  }

  #addPositional(path: string, value: Value): void {
    if (this.#isStage) {
      throw new DatabaseError(31324, 'Cannot use positional projection in aggregation projection')
    }
    if (!path.endsWith('.$') || path.includes('.$.')) {
      throw new DatabaseError(
        31394,
        `it is illegal to specify the positional operator in the middle of a path: ${path}`,
      )
    }
    if (value.type === bsonType.document) {
      throw new DatabaseError(31271, 'positional projection cannot be used with an expression or sub object')
    }
    if (!isNumber(value.type) && value.type !== bsonType.boolean) {
      throw new DatabaseError(31308, 'positional projection cannot be used with a literal')
    }
    if (!truthy(value)) throw new DatabaseError(31395, 'positional projection cannot be used with exclusion')
    if (this.#hasPositional) {
      throw new DatabaseError(31276, 'Cannot specify more than one positional projection per query.')
    }
    if (this.#hasElemMatch) {
      throw new DatabaseError(31256, 'Cannot specify positional operator and $elemMatch.')
    }
    const array = path.slice(0, -2)
    if (this.#mode === 'exclude') {
      throw new DatabaseError(31253, `Cannot do inclusion on field ${array} in exclusion projection`)
    }
    addField(this.#root, array, {
      kind: 'positional',
      filter: this.#filter,
      collation: this.#scope.collation,
    })
    this.#mode = 'include'
    this.#hasPositional = true
  }

  #addFlag(path: string, keep: boolean): void {
    // `_id` may be given in either mode without deciding it.
    if (path === '_id') {
      this.#id = keep ? 'keep' : 'drop'
      addField(this.#root, path, { kind: this.#id })
      return
    }
    splitFieldPath(path)
    const wanted = keep ? 'include' : 'exclude'
    if (this.#mode !== undefined && this.#mode !== wanted) {
      throw keep
        ? new DatabaseError(31253, `Cannot do inclusion on field ${path} in exclusion projection`)
        : new DatabaseError(31254, `Cannot do exclusion on field ${path} in inclusion projection`)
    }
    this.#mode = wanted
    addField(this.#root, path, { kind: keep ? 'keep' : 'drop' })
  }

  finish(): { root: FieldBranch; mode: 'include' | 'exclude' } {
    // With nothing but `_id`, metadata and operators on arrays given, they decide.
    const includes = this.#hasElemMatch || this.#hasMeta || this.#id === 'keep'
    const mode = this.#mode ?? (includes ? 'include' : 'exclude')
    const { children } = this.#root
    if (mode === 'include' && !children.has('_id')) addField(this.#root, '_id', { kind: 'keep' })
    // What says the mode's own about `_id` again would only cost time, and `keep` means nothing in an exclusion.
    if (mode === 'exclude' && children.get('_id')?.kind === 'keep') children.delete('_id')
    return { root: this.#root, mode }
  }
}

function isPositional(path: string): boolean {
  return path.endsWith('.$') || path.includes('.$.')
}
