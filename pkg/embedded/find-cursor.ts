import { DatabaseError } from '../base/errors.ts'
import type { Batch } from '../command/batch.ts'
import { count } from '../command/commands/count.ts'
import { type FindCommand, find } from '../command/commands/find.ts'
import type { Operation } from '../command/operation.ts'
import { Cursor } from './cursor.ts'
import { filterBytes, hintValue, optionalBytes, sortBytes } from './encode.ts'
import type { Port } from './port.ts'
import type { CollationDocument, Document, Filter, FindOptions, Sort } from './types.ts'

/** The documents that match a filter; nothing runs before the first one is asked for. */
export class FindCursor<Item = Document> extends Cursor<Item> {
  readonly #port: Port
  readonly #databaseName: string
  readonly #collection: string
  readonly #filter: Filter
  #options: FindOptions

  constructor(port: Port, databaseName: string, collection: string, filter: Filter, options: FindOptions) {
    super(port, databaseName)
    this.#port = port
    this.#databaseName = databaseName
    this.#collection = collection
    this.#filter = filter
    this.#options = options
  }

  sort(sort: Sort, direction?: 1 | -1 | 'asc' | 'desc'): this {
    return this.#with({ sort: typeof sort === 'string' && direction !== undefined ? { [sort]: direction } : sort })
  }

  skip(skip: number): this {
    return this.#with({ skip })
  }

  limit(limit: number): this {
    return this.#with({ limit })
  }

  project(projection: Document): this {
    return this.#with({ projection })
  }

  hint(hint: string | Document): this {
    return this.#with({ hint })
  }

  collation(collation: CollationDocument): this {
    return this.#with({ collation })
  }

  setBatchSize(batchSize: number): this {
    return this.#with({ batchSize })
  }

  /** Each document goes through `map` before it is given out. */
  map<Mapped>(map: (item: Item) => Mapped): FindCursor<Mapped> {
    const mapped = new FindCursor<Mapped>(this.#port, this.#databaseName, this.#collection, this.#filter, this.#options)
    mapped.setMap((document) => map(document as Item))
    return mapped
  }

  /** How many documents match, without skip and limit. */
  async count(): Promise<number> {
    return this.#port.run(count, this.#databaseName, {
      collection: this.#collection,
      filter: filterBytes(this.#filter),
      skip: 0,
      limit: 0,
      hint: hintValue(this.#options.hint),
      collation: optionalBytes(this.#options.collation),
    })
  }

  /** How the query would be (and with `executionStats` has been) run. */
  explain(verbosity: 'queryPlanner' | 'executionStats' | 'allPlansExecution' = 'queryPlanner'): Promise<Document> {
    const { sort, skip, limit, projection, hint, collation } = this.#options
    const command = { find: this.#collection, filter: this.#filter, sort, skip, limit, projection, hint, collation }
    return this.#port.command(this.#databaseName, { explain: command, verbosity })
  }

  protected override get batchSize(): number | undefined {
    return this.#options.batchSize
  }

  protected override open(setUp: ((operation: Operation) => void) | undefined): Batch | Promise<Batch> {
    const { sort, skip, limit, projection, hint, batchSize, collation } = this.#options
    const request: FindCommand = {
      collection: this.#collection,
      filter: filterBytes(this.#filter),
      sort: sortBytes(sort),
      projection: optionalBytes(projection),
      hint: hintValue(hint),
      skip: skip ?? 0,
      // A negative limit is the driver's way to ask for one batch.
      limit: Math.abs(limit ?? 0),
      batchSize,
      singleBatch: limit !== undefined && limit < 0,
      noCursorTimeout: true,
      tailable: false,
      awaitData: false,
      collation: optionalBytes(collation),
    }
    const batch = this.#port.run(find, this.#databaseName, request, setUp)
    return batch instanceof Promise ? batch : batch.own()
  }

  #with(options: FindOptions): this {
    if (this.isOpen) throw new DatabaseError('IllegalOperation', 'Cursor is already initialized')
    this.#options = { ...this.#options, ...options }
    return this
  }
}
