/** JSON files: an array of documents, documents one after another, or one a line; extended JSON in either form. */
import { DatabaseError } from '../../../pkg/base/errors.ts'
import { ExtendedJsonParser } from '../../../pkg/bson/ejson-parse.ts'
import { JsonDocumentSplitter } from '../../../pkg/bson/json-splitter.ts'
import { BsonWriter } from '../../../pkg/bson/writer.ts'
import type { Chunks, Item } from './item.ts'

class DocumentParser {
  readonly #parser = new ExtendedJsonParser()
  readonly #writer = new BsonWriter(4096)

  /** `text`: one document, beginning in line `line`. */
  parse(text: Uint8Array, line: number): Item {
    try {
      this.#parser.parse(text, this.#writer.reset())
      return { place: line, document: this.#writer.finish() }
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error
      return { place: line, problem: error.message }
    }
  }
}

/** An array, or documents with any white space between them. Ends with an error where brackets do not match. */
export async function* readJson(chunks: Chunks): AsyncGenerator<readonly Item[]> {
  const splitter = new JsonDocumentSplitter()
  const parser = new DocumentParser()
  const readAll = (): Item[] => {
    const items: Item[] = []
    for (let text = splitter.next(); text !== undefined; text = splitter.next())
      items.push(parser.parse(text, splitter.line))
    return items
  }
  for await (const chunk of chunks) {
    splitter.push(chunk)
    yield readAll()
  }
  splitter.end()
  yield readAll()
}

const newline = 0x0a

/** One document a line: a broken line is skipped, the next one is read. */
export async function* readNdjson(chunks: Chunks): AsyncGenerator<readonly Item[]> {
  const parser = new DocumentParser()
  /** The line that began in earlier chunks. */
  let begun: Uint8Array[] = []
  let line = 1
  const parseLine = (text: Uint8Array, items: Item[]): void => {
    if (!isBlank(text)) items.push(parser.parse(text, line))
    line += 1
  }
  for await (const chunk of chunks) {
    const items: Item[] = []
    let start = 0
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      const rest = chunk.subarray(start, end)
      parseLine(begun.length === 0 ? rest : Buffer.concat([...begun, rest]), items)
      begun = []
      start = end + 1
    }
    if (start < chunk.length) begun.push(chunk.subarray(start))
    yield items
  }
  const items: Item[] = []
  if (begun.length > 0) parseLine(Buffer.concat(begun), items)
  yield items
}

function isBlank(text: Uint8Array): boolean {
  return text.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d)
}
