/**
 * BSON types by the number that stands in an element's first byte (bsonspec.org, version 1.1), their names, and the
 * order in which MongoDB sorts values of different types.
 */
export const bsonType = {
  double: 1,
  string: 2,
  document: 3,
  array: 4,
  binary: 5,
  undefined: 6,
  objectId: 7,
  boolean: 8,
  date: 9,
  null: 10,
  regex: 11,
  dbPointer: 12,
  code: 13,
  symbol: 14,
  codeWithScope: 15,
  int32: 16,
  timestamp: 17,
  int64: 18,
  decimal128: 19,
  maxKey: 127,
  minKey: 255,
} as const

/** An element's type byte; one of `bsonType` in validated bytes. */
export type BsonType = number

/** One value in place: a type and where its bytes lie (see `value.ts` for making and reading them). */
export interface Value {
  readonly type: number
  readonly bytes: Uint8Array
  readonly start: number
  /** Exclusive. */
  readonly end: number
}

const aliases: ReadonlyMap<number, string> = new Map<number, string>([
  [bsonType.double, 'double'],
  [bsonType.string, 'string'],
  [bsonType.document, 'object'],
  [bsonType.array, 'array'],
  [bsonType.binary, 'binData'],
  [bsonType.undefined, 'undefined'],
  [bsonType.objectId, 'objectId'],
  [bsonType.boolean, 'bool'],
  [bsonType.date, 'date'],
  [bsonType.null, 'null'],
  [bsonType.regex, 'regex'],
  [bsonType.dbPointer, 'dbPointer'],
  [bsonType.code, 'javascript'],
  [bsonType.symbol, 'symbol'],
  [bsonType.codeWithScope, 'javascriptWithScope'],
  [bsonType.int32, 'int'],
  [bsonType.timestamp, 'timestamp'],
  [bsonType.int64, 'long'],
  [bsonType.decimal128, 'decimal'],
  [bsonType.maxKey, 'maxKey'],
  [bsonType.minKey, 'minKey'],
])

const typesByAlias: ReadonlyMap<string, number> = new Map([...aliases].map(([type, alias]) => [alias, type]))

/** MongoDB's name of a type, as `$type` shows and takes it: `double`, `object`, `binData`, `bool`, `int`, `long` ... */
export function typeAlias(type: number): string {
  return aliases.get(type) ?? `unknown(${type})`
}

/** The type that `$type` means by an alias; undefined for an unknown one (`number` stands for four types: the caller's matter). */
export function typeOfAlias(alias: string): BsonType | undefined {
  return typesByAlias.get(alias)
}

/**
 * Where a type stands in MongoDB's order across types: a small number, equal for types that are compared by value
 * (the four numeric types; string and symbol). Undefined sorts before null and is not equal to it.
 */
export function canonicalRank(type: number): number {
  return ranks[type]!
}

/** True for a type byte that BSON defines. */
export function isBsonType(type: number): boolean {
  return ranks[type] !== 0
}

export function isNumber(type: number): boolean {
  return type === bsonType.int32 || type === bsonType.double || type === bsonType.int64 || type === bsonType.decimal128
}

const ranks = new Uint8Array(256)
;[
  [bsonType.minKey],
  [bsonType.undefined],
  [bsonType.null],
  [bsonType.double, bsonType.int32, bsonType.int64, bsonType.decimal128],
  [bsonType.string, bsonType.symbol],
  [bsonType.document],
  [bsonType.array],
  [bsonType.binary],
  [bsonType.objectId],
  [bsonType.boolean],
  [bsonType.date],
  [bsonType.timestamp],
  [bsonType.regex],
  [bsonType.dbPointer],
  [bsonType.code],
  [bsonType.codeWithScope],
  [bsonType.maxKey],
].forEach((types, position) => {
  for (const type of types) ranks[type] = position + 1
})
