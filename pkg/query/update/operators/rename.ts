import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { getField, readString, type Value } from '../../../bson/value.ts'
import { describeElement } from '../describe.ts'
import { idWouldChange } from '../immutable.ts'
import { type ApplyState, type Modifier, onMissing, type UpdateOperator } from '../update.ts'
import { describeId } from './arithmetic.ts'

/**
 * `{$rename: {from: to}}`: two leaves of the tree, one that removes the field at `from` and one that sets the field at `to`
 * to what the document held at `from`. As no other path of the update may meet `from`, that is still its value.
 */
export const rename: UpdateOperator = {
  name: '$rename',
  parse(from, operand, target) {
    const to = targetOf(from, operand)
    refuseDynamic(from, 'source')
    refuseDynamic(to, 'destination')
    if (from === to) {
      throw new DatabaseError(
        'BadValue',
        `The source and target field for $rename must differ: ${describeElement(from, operand).slice(1, -1)}`,
      )
    }
    target.add(from, removal)
    target.add(to, new RenameTarget(from.split('.'), to.split('.')))
  },
}

const removal: Modifier = {
  operator: '$rename',
  onMissing: () => onMissing.check,
  modify: () => undefined,
}

class RenameTarget implements Modifier {
  readonly operator = '$rename'
  readonly #from: readonly string[]
  readonly #to: readonly string[]

  constructor(from: readonly string[], to: readonly string[]) {
    this.#from = from
    this.#to = to
  }

  onMissing(state: ApplyState): typeof onMissing.create | typeof onMissing.ignore {
    return this.#moved(state) === undefined ? onMissing.ignore : onMissing.create
  }

  modify(existing: Value | undefined, state: ApplyState): Value | undefined {
    if (this.#to[0] === '_id' && !state.inserting) throw idWouldChange('_id')
    return this.#moved(state) ?? existing
  }

  #moved(state: ApplyState): Value | undefined {
    const value = valueAt(this.#from, 'source', state)
    if (value !== undefined) valueAt(this.#to, 'destination', state)
    return value
  }
}

/** The value at `path`, through documents only. Errors: BadValue when it leads through an array. */
function valueAt(path: readonly string[], role: 'source' | 'destination', state: ApplyState): Value | undefined {
  let value: Value = { type: bsonType.document, bytes: state.bytes, start: state.start, end: state.bytes.length }
  for (let i = 0; i < path.length; i++) {
    if (value.type === bsonType.array) {
      throw new DatabaseError(
        'BadValue',
        `The ${role} field cannot be an array element, '${path.join('.')}' in doc with ${describeId(state).slice(1, -1)} has an array field called '${path[i - 1]}'`,
      )
    }
    if (value.type !== bsonType.document) return undefined
    const next = getField(value.bytes, path[i]!, value.start)
    if (next === undefined) return undefined
    value = next
  }
  return value
}

function targetOf(from: string, operand: Value): string {
  if (operand.type !== bsonType.string) {
    throw new DatabaseError(
      'BadValue',
      `The 'to' field for $rename must be a string: ${describeElement(from, operand).slice(1, -1)}`,
    )
  }
  const to = readString(operand.bytes, operand.start)
  if (to.includes('\0')) {
    throw new DatabaseError(9867600, "The 'to' field for $rename cannot contain an embedded null byte")
  }
  return to
}

function refuseDynamic(path: string, role: 'source' | 'destination'): void {
  if (path.split('.').some((part) => part === '$' || (part.startsWith('$[') && part.endsWith(']')))) {
    throw new DatabaseError('BadValue', `The ${role} field for $rename may not be dynamic: ${path}`)
  }
}
