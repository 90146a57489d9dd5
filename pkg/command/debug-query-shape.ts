/**
 * The shape of a query as `$queryStats` and `$querySettings` show it: the command with placeholders (`?number`, `?array<>`) for the values in it. What is left
 * says how: names of fields and operators, paths (`$a.b`), directions of sorts, what projections keep.
 */
import { bsonType, typeAlias } from '../bson/type.ts'
import { documentFields, getField, isNumber, readString, type Value } from '../bson/value.ts'
import { BsonWriter } from '../bson/writer.ts'

/** How the values of a clause are shown: as they are, those that are neither documents nor paths as placeholders, or all but names. */
type Style = 'whole' | 'expression' | 'literal'

/** The clauses of the commands that are collected, in the order in which they are shown. */
const clauses: Readonly<Record<string, Readonly<Record<string, Style>>>> = {
  find: {
    filter: 'literal',
    sort: 'whole',
    projection: 'expression',
    skip: 'literal',
    limit: 'literal',
    min: 'literal',
    max: 'literal',
    singleBatch: 'whole',
    returnKey: 'whole',
    showRecordId: 'whole',
    tailable: 'whole',
    awaitData: 'whole',
    collation: 'whole',
    let: 'expression',
  },
  aggregate: { pipeline: 'expression', allowDiskUse: 'whole', collation: 'whole', let: 'expression' },
  distinct: { key: 'whole', query: 'literal', collation: 'whole' },
  count: { query: 'literal', limit: 'literal', skip: 'literal', collation: 'whole' },
}

/** Whether figures are kept of commands of that name. */
export function isCollected(command: string): boolean {
  return Object.hasOwn(clauses, command)
}

/** `{cmdNs: {db, coll}, command, ...clauses}` of a command that is collected. */
export function debugQueryShape(database: string, body: Uint8Array): Uint8Array {
  const [first] = documentFields(body)
  const writer = new BsonWriter(512)
  writer.beginDocument()
  writer.beginDocument('cmdNs')
  writer.string('db', database)
  writer.string('coll', first!.type === bsonType.string ? readString(first!.bytes, first!.start) : '$cmd.aggregate')
  writer.end()
  writer.string('command', first!.name)
  for (const [name, style] of Object.entries(clauses[first!.name]!)) {
    const field = getField(body, name)
    if (field !== undefined && field.type !== bsonType.null) writeShape(writer, name, field, style)
  }
  writer.end()
  return writer.finish()
}

function writeShape(writer: BsonWriter, name: string, value: Value, style: Style): void {
  if (style === 'whole') writer.value(name, value)
  else if (value.type === bsonType.document) {
    writer.beginDocument(name)
    for (const field of documentFields(value.bytes, value.start))
      writeShape(writer, field.name, field, styleOf(field.name, style))
    writer.end()
  } else if (value.type === bsonType.array && (style === 'expression' || holdsDocuments(value))) {
    writer.beginArray(name)
    for (const element of documentFields(value.bytes, value.start)) writeShape(writer, element.name, element, style)
    writer.end()
  } else if (style === 'expression' && isPath(value)) writer.value(name, value)
  else writer.string(name, placeholder(value))
}

function styleOf(name: string, within: Style): Style {
  if (name === '$expr') return 'expression'
  if (within === 'expression' && name === '$match') return 'literal'
  return within === 'expression' && (name === '$sort' || name === 'sortBy') ? 'whole' : within
}

/** Lists of conditions count by what is in them, lists of values do not. */
function holdsDocuments({ bytes, start }: Value): boolean {
  const [first] = documentFields(bytes, start)
  return first?.type === bsonType.document
}

function isPath({ type, bytes, start }: Value): boolean {
  return type === bsonType.string && readString(bytes, start).startsWith('$')
}

function placeholder(value: Value): string {
  if (isNumber(value.type)) return '?number'
  if (value.type !== bsonType.array) return `?${typeAlias(value.type)}`
  const kinds = new Set<string>()
  for (const element of documentFields(value.bytes, value.start)) kinds.add(placeholder(element))
  return kinds.size === 1 ? `?array<${[...kinds][0]}>` : '?array<>'
}

/** Clauses whose names, and whose paths, are the application's. */
const namingClauses: ReadonlySet<string> = new Set([
  'filter',
  'query',
  'sort',
  'projection',
  'min',
  'max',
  'let',
  'pipeline',
  'hint',
])

/** The key of an entry with `transform(identifier)` for each name of a database, collection or field in it. */
export function transformIdentifiers(key: Uint8Array, transform: (identifier: string) => string): Uint8Array {
  const writer = new BsonWriter(1024)
  const write = (name: string, value: Value, naming: boolean): void => {
    if (value.type === bsonType.document || value.type === bsonType.array) {
      if (value.type === bsonType.array) writer.beginArray(name)
      else writer.beginDocument(name)
      const names = naming && value.type === bsonType.document
      for (const field of documentFields(value.bytes, value.start)) {
        if (!naming && name === 'cmdNs') writer.string(field.name, transform(readString(field.bytes, field.start)))
        else
          write(
            names && !field.name.startsWith('$') ? path(field.name, transform) : field.name,
            field,
            naming || namingClauses.has(field.name),
          )
      }
      writer.end()
    } else if (value.type === bsonType.string && (naming || name === 'key')) {
      const text = readString(value.bytes, value.start)
      writer.string(name, text.startsWith('?') ? text : path(text, transform))
    } else writer.value(name, value)
  }
  writer.beginDocument()
  // What the driver says of itself is no identifier.
  for (const field of documentFields(key)) {
    if (field.name === 'client') writer.value(field.name, field)
    else write(field.name, field, namingClauses.has(field.name))
  }
  writer.end()
  return writer.finish()
}

/** Each name of a path by itself; a variable stays. */
function path(text: string, transform: (identifier: string) => string): string {
  if (text.startsWith('$$')) {
    const [variable, ...names] = text.split('.')
    return [variable, ...names.map(transform)].join('.')
  }
  const sign = text.startsWith('$') ? '$' : ''
  return sign + text.slice(sign.length).split('.').map(transform).join('.')
}
