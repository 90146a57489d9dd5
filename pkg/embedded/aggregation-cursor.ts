import type { Batch } from '../command/batch.ts'
import { aggregate } from '../command/commands/aggregate.ts'
import type { Operation } from '../command/operation.ts'
import { Cursor } from './cursor.ts'
import { arrayBytes, hintValue, optionalBytes } from './encode.ts'
import type { Port } from './port.ts'
import type { CollationDocument, Document, SessionOption } from './types.ts'

export interface AggregateOptions extends SessionOption {
  readonly batchSize?: number
  readonly hint?: string | Document
  readonly collation?: CollationDocument
}

/** The output of a pipeline; nothing runs before the first document is asked for. */
export class AggregationCursor<Item = Document> extends Cursor<Item> {
  readonly #port: Port
  readonly #databaseName: string
  readonly #collection: string | undefined
  readonly #pipeline: readonly Document[]
  readonly #options: AggregateOptions

  constructor(
    port: Port,
    databaseName: string,
    collection: string | undefined,
    pipeline: readonly Document[],
    options: AggregateOptions,
  ) {
    super(port, databaseName)
    this.#port = port
    this.#databaseName = databaseName
    this.#collection = collection
    this.#pipeline = pipeline
    this.#options = options
  }

  explain(verbosity: 'queryPlanner' | 'executionStats' | 'allPlansExecution' = 'queryPlanner'): Promise<Document> {
    const { collation } = this.#options
    const command = { aggregate: this.#collection ?? 1, pipeline: this.#pipeline, cursor: {}, collation }
    return this.#port.command(this.#databaseName, { explain: command, verbosity })
  }

  protected override get batchSize(): number | undefined {
    return this.#options.batchSize
  }

  protected override async open(setUp: ((operation: Operation) => void) | undefined): Promise<Batch> {
    const request = {
      collection: this.#collection,
      pipeline: arrayBytes(this.#pipeline),
      batchSize: this.#options.batchSize,
      hint: hintValue(this.#options.hint),
      collation: optionalBytes(this.#options.collation),
      explained: false,
      hasCursor: true,
    }
    const result = await this.#port.run(aggregate, this.#databaseName, request, setUp)
    return result as Batch
  }
}
