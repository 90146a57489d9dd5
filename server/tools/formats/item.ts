/** What a file of documents is read as. */

/** One document of a file, or what is wrong with it. */
export interface Item {
  /** Where it is, counted from 1 in what the format counts: lines, or documents. */
  readonly place: number
  readonly document?: Uint8Array
  readonly problem?: string
}

export type Format = 'json' | 'ndjson' | 'csv' | 'bson'

/** The bytes of a file in order; each chunk is the reader's to keep. */
export type Chunks = AsyncIterable<Uint8Array>

/** Yields what each chunk completed. Throws a DatabaseError or Refusal when nothing further can be made of the file. */
export type ItemReader = (chunks: Chunks) => AsyncGenerator<readonly Item[]>
