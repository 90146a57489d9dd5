/**
 * CSV files, RFC 4180. The first line names the columns (`csv-columns.ts`). A cell with nothing in it is a field that the document
 * does not have; a quoted empty cell is an empty string.
 */
import { Readable } from 'node:stream'
import { parse } from 'csv-parse'
import { bsonType } from '../../../pkg/bson/type.ts'
import { documentFields, getField, type Value } from '../../../pkg/bson/value.ts'
import { BsonWriter } from '../../../pkg/bson/writer.ts'
import { Refusal } from '../../refusal.ts'
import { type Column, column, haveTypes } from './csv-columns.ts'
import type { Chunks, Item } from './item.ts'

type Cell = string | null
interface ParsedRecord {
  readonly record: readonly Cell[]
  readonly info: { readonly lines: number }
}

const itemsAtOnce = 500

/** `typed`: whether the header gives types; undefined: when every column looks as though it did. Places are lines (a record's last). */
export async function* readCsv(chunks: Chunks, typed?: boolean): AsyncGenerator<readonly Item[]> {
  const parser = parse({
    bom: true,
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    // Null for a cell with nothing in it, not even quotes.
    cast: (text, { quoting }) => (text === '' && !quoting ? (null as unknown as string) : text),
  })
  const bytes = Readable.from(chunks, { objectMode: true })
  bytes.on('error', (error) => parser.destroy(error))
  bytes.pipe(parser)
  let rows: RowReader | undefined
  let items: Item[] = []
  try {
    for await (const { record, info } of parser as AsyncIterable<ParsedRecord>) {
      if (rows === undefined) {
        const headers = record.map((cell) => (cell ?? '').trim())
        rows = new RowReader(headers.map((header) => column(header, typed ?? haveTypes(headers))))
        continue
      }
      items.push(rows.read(record, info.lines))
      if (items.length < itemsAtOnce) continue
      yield items
      items = []
    }
  } catch (error) {
    if (items.length > 0) yield items
    if ((error as { code?: string }).code?.startsWith('CSV_') === true)
      throw new Refusal(`CSV: ${(error as Error).message}`)
    throw error
  }
  yield items
}

/** Columns by the field they are: `a.b` and `a.c` are one document `a`. */
interface Branch {
  readonly name: string
  /** Position of the column; -1 for a document of `children`. */
  readonly position: number
  readonly children: Branch[]
}

class RowReader {
  readonly #columns: readonly Column[]
  readonly #fields: Branch[] = []
  readonly #writer = new BsonWriter(1024)

  constructor(columns: readonly Column[]) {
    this.#columns = columns
    for (const [position, { path, header }] of columns.entries()) {
      let siblings = this.#fields
      for (const [depth, name] of path.entries()) {
        const isLast = depth === path.length - 1
        let branch = siblings.find((each) => each.name === name)
        if (branch !== undefined && (isLast || branch.position >= 0)) {
          throw new Refusal(
            `column ${JSON.stringify(header)} and ${JSON.stringify(columns[firstPosition(branch)]!.header)} are the same field`,
          )
        }
        if (branch === undefined) {
          branch = { name, position: isLast ? position : -1, children: [] }
          siblings.push(branch)
        }
        siblings = branch.children
      }
    }
  }

  read(cells: readonly Cell[], line: number): Item {
    const columns = this.#columns
    if (cells.length > columns.length) {
      return { place: line, problem: `has ${cells.length} cells, and there are ${columns.length} columns` }
    }
    const values: (Value | undefined)[] = []
    for (const [position, text] of cells.entries()) {
      const value = text === null ? undefined : columns[position]!.read(text)
      if (text !== null && value === undefined) {
        return { place: line, problem: `${JSON.stringify(text)} does not fit the column ${columns[position]!.header}` }
      }
      values.push(value)
    }
    const writer = this.#writer.reset()
    writer.beginDocument()
    for (const branch of this.#fields) writeBranch(writer, branch, values)
    writer.end()
    return { place: line, document: writer.finish() }
  }
}

function firstPosition(branch: Branch): number {
  return branch.position >= 0 ? branch.position : firstPosition(branch.children[0]!)
}

function hasValue(branch: Branch, values: readonly (Value | undefined)[]): boolean {
  return branch.position >= 0
    ? values[branch.position] !== undefined
    : branch.children.some((child) => hasValue(child, values))
}

function writeBranch(writer: BsonWriter, branch: Branch, values: readonly (Value | undefined)[]): void {
  if (!hasValue(branch, values)) return
  if (branch.position >= 0) {
    writer.value(branch.name, values[branch.position]!)
    return
  }
  writer.beginDocument(branch.name)
  for (const child of branch.children) writeBranch(writer, child, values)
  writer.end()
}

export function csvHeader(columns: readonly Column[]): string {
  return `${columns.map(({ header }) => quoted(header)).join(',')}\r\n`
}

/** One line. `misfit` is told of a value that is not of its column's type; the cell then shows it as well as it can. */
export function csvLine(columns: readonly Column[], document: Uint8Array, misfit: (header: string) => void): string {
  const cells = columns.map((each) => {
    const value = valueAtPath(document, each.path)
    if (value === undefined || (value.type === bsonType.null && !each.header.includes('.json('))) return ''
    const text = each.show(value)
    if (text !== undefined) return quoted(text)
    misfit(each.header)
    return quoted(column(each.path.join('.'), false).show(value) ?? '')
  })
  return `${cells.join(',')}\r\n`
}

function valueAtPath(document: Uint8Array, path: readonly string[]): Value | undefined {
  let value = getField(document, path[0]!)
  for (const name of path.slice(1)) {
    if (value === undefined || (value.type !== bsonType.document && value.type !== bsonType.array)) return undefined
    value = [...documentFields(value.bytes, value.start)].find((field) => field.name === name)
  }
  return value
}

function quoted(text: string): string {
  return text === '' || /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
