/** Parses update documents: replacements, and operators with their paths. Pipeline updates are refused by name. */
import { DatabaseError } from '../../base/errors.ts'
import { documentDepthMax } from '../../base/limits.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { documentFields, readInt32, type Value } from '../../bson/value.ts'
import { ElementWalker } from '../../bson/walk.ts'
import type { Collation } from '../../collation/collation.ts'
import { noArrayFilters, parseArrayFilters } from './array-filters.ts'
import { describeElement } from './describe.ts'
import { dollarPrefixed } from './immutable.ts'
import { elementNs } from './operators/elements.ts'
import { updateOperators } from './operators/table.ts'
import { parsePath } from './path.ts'
import { buildTree } from './tree.ts'
import type {
  BranchNode,
  Child,
  ElementFilter,
  Modifier,
  OperatorUpdate,
  ParseTarget,
  PathPart,
  Update,
  UpdateField,
} from './update.ts'

/**
 * Parses the `u` of an update command: a document whose first field is an operator, or a replacement. The tree points into `bytes`.
 *
 * `arrayFilters`: the documents of the command's `arrayFilters`. `collation`: how strings compare.
 *
 * Errors: FailedToParse for an unknown operator or an operand that is no document, DollarPrefixedFieldName in a replacement,
 * EmptyFieldName, ConflictingUpdateOperators, and what each operator refuses of its operand.
 */
export function parseUpdate(
  bytes: Uint8Array,
  arrayFilters: readonly Uint8Array[] = noArrayFilters,
  start = 0,
  collation?: Collation,
): Update {
  // The byte after the length is the first element's type, or 0 for an empty document; then comes its name.
  if (bytes[start + 4] !== 0 && bytes[start + 5] === dollar)
    return parseOperators(bytes, arrayFilters, start, collation)
  if (arrayFilters.length > 0) {
    throw new DatabaseError('FailedToParse', 'arrayFilters may not be specified for replacement-style updates')
  }
  return parseReplacement(bytes, start)
}

const dollar = 0x24

/** Errors: FailedToParse for anything but a document; pipelines are refused by name. */
export function parseUpdateValue(
  value: Value,
  arrayFilters: readonly Uint8Array[] = noArrayFilters,
  collation?: Collation,
): Update {
  if (value.type === bsonType.document) return parseUpdate(value.bytes, arrayFilters, value.start, collation)
  checkUpdateValue(value)
  throw new DatabaseError('NotImplemented', 'updates with an aggregation pipeline are not supported yet')
}

/** What an update may be at all. Errors: FailedToParse; TypeMismatch for a pipeline's stages. */
export function checkUpdateValue(value: Value): void {
  if (value.type !== bsonType.document && value.type !== bsonType.array)
    throw new DatabaseError(
      'FailedToParse',
      `Update argument must be either an object or an array, not ${typeAlias(value.type)}`,
    )
  if (value.type !== bsonType.array) return
  for (const stage of documentFields(value.bytes, value.start))
    if (stage.type !== bsonType.document)
      throw new DatabaseError('TypeMismatch', `Each element of the 'pipeline' array must be an object`)
}

function parseReplacement(bytes: Uint8Array, start: number): Update {
  for (const { name } of documentFields(bytes, start)) {
    if (name.startsWith('$')) throw dollarPrefixed(name)
  }
  const end = start + readInt32(bytes, start)
  return { kind: 'replacement', document: start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end) }
}

function parseOperators(
  bytes: Uint8Array,
  arrayFilters: readonly Uint8Array[],
  start: number,
  collation: Collation | undefined,
): OperatorUpdate {
  const filters = parseArrayFilters(arrayFilters, collation)
  const collected = new FieldCollector(filters, collation)
  const walker = new ElementWalker().reset(bytes, start)
  const operands = new ElementWalker()
  while (walker.next()) {
    const name = walker.name()
    const operator = updateOperators.get(name)
    if (operator === undefined) {
      throw new DatabaseError(
        'FailedToParse',
        `Unknown modifier: ${name}. Expected a valid update modifier or pipeline-style update specified as an array`,
      )
    }
    if (walker.type !== bsonType.document) {
      throw new DatabaseError(
        'FailedToParse',
        `Modifiers operate on fields but we found type ${typeAlias(walker.type)} instead. For example: {$mod: {<field>: ...}} not ${describeElement(name, walker.value())}`,
      )
    }
    operands.reset(bytes, walker.valueStart)
    while (operands.next()) operator.parse(operands.name(), operands.value(), collected)
  }
  for (const [identifier] of filters) {
    if (collected.usedFilters?.has(identifier) !== true) {
      throw new DatabaseError(
        'FailedToParse',
        `The array filter for identifier '${identifier}' was not used in the update`,
      )
    }
  }
  const { fields, positional } = collected
  const root = buildTree(fields)
  return {
    kind: 'operators',
    fields,
    root,
    positional,
    flat: flatChildren(root, fields),
    nsPerByte: nsPerByteOf(fields, collected.usedFilters) + (positional ? elementNs : 0),
  }
}

/** Each element of an array is written anew, and tested by every filter that stands for elements. */
function nsPerByteOf(fields: readonly UpdateField[], filters: ReadonlyMap<string, ElementFilter> | undefined): number {
  let sum = 0
  for (const { modifier } of fields) sum += modifier.nsPerByte ?? 0
  for (const filter of filters?.values() ?? []) sum += elementNs + filter.nsPerByte
  return sum
}

class FieldCollector implements ParseTarget {
  readonly fields: UpdateField[] = []
  usedFilters: Map<string, ElementFilter> | undefined
  positional = false
  readonly #filters: ReadonlyMap<string, ElementFilter>

  readonly collation: Collation | undefined

  constructor(filters: ReadonlyMap<string, ElementFilter>, collation: Collation | undefined) {
    this.#filters = filters
    this.collation = collation
  }

  add(path: string, modifier: Modifier): void {
    const parts: PathPart[] = parsePath(path, this.#filters)
    if (parts.length > documentDepthMax) {
      throw new DatabaseError('Overflow', `The update path '${path}' is nested deeper than ${documentDepthMax} levels`)
    }
    for (const part of parts) {
      if (part.kind === 'positional') this.positional = true
      else if (part.kind === 'elements') {
        this.usedFilters ??= new Map()
        this.usedFilters.set(part.filter.identifier, part.filter)
      }
    }
    this.fields.push({ path, parts, modifier })
  }
}

/** Most fields for which an update in place is tried; each costs a comparison per element of the document. */
const flatFieldsMax = 8

function flatChildren(root: BranchNode, fields: readonly UpdateField[]): readonly Child[] | undefined {
  if (fields.length === 0 || fields.length > flatFieldsMax) return undefined
  for (const child of root.children) {
    if (child.node.kind !== 'leaf' || child.name === '_id' || child.name.startsWith('$')) return undefined
  }
  return root.children
}
