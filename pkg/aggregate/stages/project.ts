import { DatabaseError } from '../../base/errors.ts'
import { bsonType } from '../../bson/type.ts'
import { documentFields, isNumber, truthy, type Value } from '../../bson/value.ts'
import type { Expression } from '../../expression/expression.ts'
import { splitFieldPath } from '../../expression/field-path.ts'
import { operators } from '../../expression/operators/table.ts'
import { parseExpression } from '../../expression/parse.ts'
import type { Scope } from '../../expression/scope.ts'
import { addField, emptyBranch, type FieldBranch } from '../field-tree.ts'
import { shapingPlan } from '../shaping-stage.ts'
import type { StageDefinition } from '../stage.ts'

/** `{$project: {path: 1 | 0 | expression, ...}}` */
export const project: StageDefinition = {
  name: '$project',
  parse(operand, scope) {
    if (operand.type !== bsonType.document) throw new DatabaseError(15969, '$project specification must be an object')
    const parser = new ProjectParser(scope)
    parser.addFields(operand, '')
    const { root, mode } = parser.finish()
    return shapingPlan('$project', root, mode)
  },
}

class ProjectParser {
  readonly #root: FieldBranch = emptyBranch()
  readonly #scope: Scope
  #mode: 'include' | 'exclude' | undefined
  #id: 'keep' | 'drop' | undefined
  #empty = true

  constructor(scope: Scope) {
    this.#scope = scope
  }

  addFields(document: Value, prefix: string): void {
    for (const field of documentFields(document.bytes, document.start)) {
      this.#empty = false
      this.#addField(prefix === '' ? field.name : `${prefix}.${field.name}`, field)
    }
  }

  #addField(path: string, value: Value): void {
    if (isNumber(value.type) || value.type === bsonType.boolean) {
      this.#addFlag(path, truthy(value))
      return
    }
    if (value.type === bsonType.document && !isOperator(value)) {
      if (value.bytes[value.start + 4] === 0) {
        throw new DatabaseError(51270, 'An empty sub-projection is not a valid value. Found empty object at path')
      }
      this.addFields(value, path)
      return
    }
    if (this.#mode === 'exclude') {
      throw new DatabaseError(
        value.type === bsonType.document ? 31252 : 31310,
        `Cannot use an expression for field ${path} in an exclusion projection`,
      )
    }
    const expression = this.#parseExpression(value)
    if (path === '_id') this.#id = 'keep'
    this.#mode = 'include'
    addField(this.#root, path, { kind: 'compute', expression })
  }

  #parseExpression(value: Value): Expression {
    if (value.type === bsonType.document) {
      const [operator, second] = documentFields(value.bytes, value.start)
      if (second !== undefined) {
        throw new DatabaseError(
          16410,
          "FieldPath field names may not start with '$'. Consider using $getField or $setField.",
        )
      }
      if (operator !== undefined && !operators.has(operator.name)) {
        throw new DatabaseError(31325, `Invalid $project :: caused by :: Unknown expression ${operator.name}`)
      }
    }
    return parseExpression(value, this.#scope)
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
    if (this.#empty) throw new DatabaseError(51272, 'projection specification must have at least one field')
    // With nothing but `_id` given, it decides.
    const mode = this.#mode ?? (this.#id === 'drop' ? 'exclude' : 'include')
    if (mode === 'include' && !this.#root.children.has('_id')) addField(this.#root, '_id', { kind: 'keep' })
    return { root: this.#root, mode }
  }
}

function isOperator({ bytes, start }: Value): boolean {
  return bytes[start + 4] !== 0 && bytes[start + 5] === 0x24
}
