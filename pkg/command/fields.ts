/**
 * The one reader of command documents and their parts: a command declares its fields with their types, `read` walks the
 * document once and checks it against the declaration, the accessors give the values.
 *
 * What it refuses, with MongoDB's codes: a field of the wrong type (14), a field nobody declared (40415), a field twice
 * (40413), a required field that is missing (40414), a number outside its bounds (2).
 *
 * INVARIANTS
 *  (1) A `Fields` holds the positions of the document it has read last. Reading is synchronous and a table is not
 *      entered again before its values were taken, so nothing is allocated for a read.
 *  (2) Null and undefined count as "not given" for a field that is not required, unless it refuses them.
 */
import { DatabaseError } from '../base/errors.ts'
import { bsonType, typeAlias } from '../bson/type.ts'
import { documentFields, readInt32, readString, type Value } from '../bson/value.ts'
import { valueEnd } from '../bson/walk.ts'
import { wholeNumberAt } from '../bson/whole-number.ts'
import { NameTable } from './name-table.ts'
import { truthyAt } from './truth.ts'

/** Which BSON types a field may have: one bit a type. */
export interface FieldType {
  readonly mask: number
  /** As the error message names them. */
  readonly shown: string
}

function bitOf(type: number): number {
  return type < 20 ? 1 << type : type === bsonType.maxKey ? 1 << 20 : 1 << 21
}

function fieldType(...types: readonly number[]): FieldType {
  const names = types.map(typeAlias)
  return {
    mask: types.reduce((mask, type) => mask | bitOf(type), 0),
    shown: names.length === 1 ? `expected type '${names[0]}'` : `expected types '[${names.join(', ')}]'`,
  }
}

export const anyType: FieldType = { mask: -1, shown: '' }
export const objectType = fieldType(bsonType.document)
export const arrayType = fieldType(bsonType.array)
export const stringType = fieldType(bsonType.string)
export const objectOrArrayType = fieldType(bsonType.document, bsonType.array)
export const stringOrObjectType = fieldType(bsonType.string, bsonType.document)
export const int64Type = fieldType(bsonType.int64)
export const objectIdType = fieldType(bsonType.objectId)
export const uuidType = fieldType(bsonType.binary)
export const strictBooleanType = fieldType(bsonType.boolean)
export const numberType = fieldType(bsonType.int64, bsonType.int32, bsonType.decimal128, bsonType.double)
export const integerType = fieldType(bsonType.int32, bsonType.int64)
export const booleanNumberOrStringType = fieldType(
  bsonType.boolean,
  bsonType.int64,
  bsonType.int32,
  bsonType.decimal128,
  bsonType.double,
  bsonType.string,
)
/** A truth value that may also be given as a number. */
export const booleanType = fieldType(
  bsonType.boolean,
  bsonType.int64,
  bsonType.int32,
  bsonType.decimal128,
  bsonType.double,
)

export interface FieldSpec {
  readonly type: FieldType
  readonly required?: boolean
  /** Null is of the wrong type, not the same as no value. */
  readonly refusesNull?: boolean
  /** Bounds of a number, both inclusive. */
  readonly min?: number
  readonly max?: number
}

/** Fields that every command takes; `generic.ts` gives them their meaning. */
export const genericFields = {
  $db: { type: stringType },
  lsid: { type: objectType },
  $clusterTime: { type: objectType },
  $readPreference: { type: objectType },
  readConcern: { type: objectType },
  writeConcern: { type: objectType },
  maxTimeMS: { type: numberType },
  comment: { type: anyType },
  apiVersion: { type: stringType },
  apiStrict: { type: strictBooleanType },
  apiDeprecationErrors: { type: strictBooleanType },
  txnNumber: { type: int64Type },
  autocommit: { type: strictBooleanType },
  startTransaction: { type: strictBooleanType },
  transactionOptions: { type: objectType },
  clientOperationKey: { type: uuidType },
  rawData: { type: booleanType },
  maxTimeMSOpOnly: { type: numberType },
  $audit: { type: objectType },
  $client: { type: objectType },
  $configServerState: { type: objectType },
  $queryOptions: { type: objectType },
  $queryShapeHash: { type: anyType },
  mayBypassWriteBlocking: { type: booleanType },
  versionContext: { type: objectType },
} as const satisfies Record<string, FieldSpec>

export type GenericName = keyof typeof genericFields

const nothing = new Uint8Array(0)

export class Fields<Name extends string> {
  /** The position of each field for the accessors. */
  readonly at: Readonly<Record<Name, number>>
  /** How error messages call the document: the command's name, or a dotted path in it. */
  readonly path: string
  bytes: Uint8Array = nothing
  readonly #names: readonly string[]
  readonly #specs: readonly FieldSpec[]
  readonly #masks: Int32Array
  readonly #required: readonly number[]
  readonly #table: NameTable
  readonly #strict: boolean
  readonly #types: Uint8Array
  readonly #starts: Int32Array
  readonly #ends: Int32Array

  /** `strict: false`: fields that nobody declared are passed over, for the few commands where MongoDB does so. */
  constructor(path: string, specs: Readonly<Record<Name, FieldSpec>>, options: { readonly strict?: boolean } = {}) {
    this.path = path
    this.#names = Object.keys(specs)
    this.#specs = this.#names.map((name) => specs[name as Name])
    this.#masks = Int32Array.from(this.#specs, (spec) => spec.type.mask)
    this.#required = this.#specs.flatMap((spec, i) => (spec.required ? [i] : []))
    this.#table = new NameTable(this.#names)
    this.#strict = options.strict ?? true
    this.#types = new Uint8Array(this.#names.length)
    this.#starts = new Int32Array(this.#names.length)
    this.#ends = new Int32Array(this.#names.length)
    this.at = Object.fromEntries(this.#names.map((name, i) => [name, i])) as Record<Name, number>
  }

  /** Reads the document that begins at `start` of `bytes`; throws what the head of the file lists. */
  read(bytes: Uint8Array, start: number): this {
    this.bytes = bytes
    const types = this.#types
    types.fill(0)
    const end = start + readInt32(bytes, start) - 1
    let position = start + 4
    while (position < end) {
      const type = bytes[position]!
      const nameStart = position + 1
      let nameEnd = nameStart
      while (bytes[nameEnd] !== 0) nameEnd++
      const valueStart = nameEnd + 1
      position = valueEnd(bytes, type, valueStart)
      const field = this.#table.indexOf(bytes, nameStart, nameEnd)
      if (field < 0) {
        if (!this.#strict) continue
        throw new DatabaseError(
          'UnknownField',
          `BSON field '${this.path}.${nameOf(bytes, nameStart, nameEnd)}' is an unknown field.`,
        )
      }
      if (types[field] !== 0)
        throw new DatabaseError(40413, `BSON field '${this.path}.${this.#names[field]!}' is a duplicate field`)
      if (((type < 20 ? 1 << type : bitOf(type)) & this.#masks[field]!) === 0) {
        const spec = this.#specs[field]!
        const isNull = type === bsonType.null || type === bsonType.undefined
        if (isNull && !spec.required && !spec.refusesNull) continue
        throw this.#wrongType(field, type)
      }
      types[field] = type
      this.#starts[field] = valueStart
      this.#ends[field] = position
    }
    for (let i = 0; i < this.#required.length; i++) {
      const field = this.#required[i]!
      if (types[field] === 0)
        throw new DatabaseError(
          'MissingField',
          `BSON field '${this.path}.${this.#names[field]!}' is missing but a required field`,
        )
    }
    return this
  }

  /** Lets go of a large document once its values were taken. */
  forget(): void {
    if (this.bytes.length > 65536) this.bytes = nothing
  }

  #wrongType(field: number, type: number): DatabaseError {
    const name = `${this.path}.${this.#names[field]!}`
    const spec = this.#specs[field]!
    const isNull = type === bsonType.null || type === bsonType.undefined
    if (spec.required && isNull && !spec.refusesNull && spec.type.mask !== -1)
      return new DatabaseError('MissingField', `BSON field '${name}' is missing but a required field`)
    return new DatabaseError(
      'TypeMismatch',
      `BSON field '${name}' is the wrong type '${typeAlias(type)}', ${spec.type.shown}`,
    )
  }

  has(field: number): boolean {
    return this.#types[field] !== 0
  }

  /** 0 when the field was not given. */
  type(field: number): number {
    return this.#types[field]!
  }

  start(field: number): number {
    return this.#starts[field]!
  }

  end(field: number): number {
    return this.#ends[field]!
  }

  value(field: number): Value | undefined {
    const type = this.#types[field]!
    if (type === 0) return undefined
    return { type, bytes: this.bytes, start: this.#starts[field]!, end: this.#ends[field]! }
  }

  /** The bytes of a document or array, not copied. */
  document(field: number): Uint8Array | undefined {
    if (this.#types[field] === 0) return undefined
    return this.bytes.subarray(this.#starts[field]!, this.#ends[field]!)
  }

  string(field: number): string | undefined {
    if (this.#types[field] === 0) return undefined
    return readString(this.bytes, this.#starts[field]!)
  }

  boolean(field: number): boolean {
    const type = this.#types[field]!
    return type !== 0 && truthyAt(type, this.bytes, this.#starts[field]!)
  }

  /** A whole number: doubles are cut, decimals rounded half to even, NaN is 0; within ±2^63 and the field's bounds. */
  number(field: number): number | undefined {
    const type = this.#types[field]!
    if (type === 0) return undefined
    const number = wholeNumberAt(type, this.bytes, this.#starts[field]!)
    const { min, max } = this.#specs[field]!
    if (min !== undefined && number < min) throw this.#outOfBounds(field, `>= ${min}`, number)
    if (max !== undefined && number > max) throw this.#outOfBounds(field, `<= ${max}`, number)
    return number
  }

  #outOfBounds(field: number, bound: string, actual: number): DatabaseError {
    return new DatabaseError(
      'BadValue',
      `BSON field '${this.#names[field]!}' value must be ${bound}, actual value '${actual}'`,
    )
  }

  /** The elements of an array of documents; anything else in it is a TypeMismatch naming its position. */
  documents(field: number): Uint8Array[] | undefined {
    if (this.#types[field] === 0) return undefined
    const documents: Uint8Array[] = []
    const bytes = this.bytes
    const start = this.#starts[field]!
    const end = this.#ends[field]! - 1
    let position = start + 4
    while (position < end) {
      const type = bytes[position]!
      let valueStart = position + 1
      while (bytes[valueStart] !== 0) valueStart++
      valueStart++
      position = valueEnd(bytes, type, valueStart)
      if (type !== bsonType.document)
        throw new DatabaseError(
          'TypeMismatch',
          `BSON field '${this.path}.${this.#names[field]!}.${documents.length}' is the wrong type '${typeAlias(type)}', expected type 'object'`,
        )
      documents.push(bytes.subarray(valueStart, position))
    }
    return documents
  }

  /** The elements of an array of strings. */
  strings(field: number): string[] | undefined {
    const value = this.value(field)
    if (value === undefined) return undefined
    const strings: string[] = []
    for (const element of documentFields(value.bytes, value.start)) {
      if (element.type !== bsonType.string)
        throw new DatabaseError(
          'TypeMismatch',
          `BSON field '${this.path}.${this.#names[field]!}.${element.name}' is the wrong type '${typeAlias(element.type)}', expected type 'string'`,
        )
      strings.push(readString(element.bytes, element.start))
    }
    return strings
  }
}

const decoder = new TextDecoder()

function nameOf(bytes: Uint8Array, start: number, end: number): string {
  return decoder.decode(bytes.subarray(start, end))
}

/** The fields of a command: its own and the generic ones, which keep the same positions in every command. */
export function commandFields<Name extends string>(
  command: string,
  own: Readonly<Record<Name, FieldSpec>>,
  options: { readonly strict?: boolean } = {},
): Fields<Name | GenericName> {
  const specs = { ...genericFields, ...own } as Record<Name | GenericName, FieldSpec>
  return new Fields<Name | GenericName>(command, specs, options)
}

/** A number that must not be negative, such as a limit. */
export const countSpec: FieldSpec = { type: numberType, min: 0 }
