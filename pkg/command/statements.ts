/** The statements of a write command: read before the first one runs, then run one after the other, ordered or not. */
import { databaseErrorOf } from './error-reply.ts'
import type { Operation } from './operation.ts'
import { inSlices } from './slices.ts'
import { isTransient } from './transaction-labels.ts'
import { endsCommand, type WriteError } from './write-errors.ts'

/** Reading more of them may take longer than a turn. */
const readAtOnceMax = 1000

/** The statements of a request, as far as they have been read. */
export interface Statements<Statement> {
  readonly read: Statement[]
  /** Reads the others into `read`, letting others run meanwhile; undefined: there are none. */
  readonly rest: ((operation: Operation) => void | Promise<void>) | undefined
}

/** Reads so many statements as may be read in the caller's turn. Throws what is wrong with the first that makes no sense. */
export function readStatements<Statement>(
  documents: readonly Uint8Array[],
  parse: (document: Uint8Array) => Statement,
): Statements<Statement> {
  if (documents.length <= readAtOnceMax) return { read: documents.map(parse), rest: undefined }
  const read = documents.slice(0, readAtOnceMax).map(parse)
  const rest = (operation: Operation): void | Promise<void> =>
    inSlices(operation, documents, (document) => read.push(parse(document)), readAtOnceMax)
  return { read, rest }
}

/**
 * Calls `run` for each statement. One that fails goes into `errors`; `ordered`: nothing is run after it. Errors that
 * are about the whole command, or after which its transaction is to be tried again, are thrown. A promise when something had to be waited for.
 */
export function runStatements<Statement>(
  operation: Operation,
  statements: readonly Statement[],
  ordered: boolean,
  errors: WriteError[],
  run: (statement: Statement, index: number) => void | Promise<void>,
): void | Promise<void> {
  const failed = (error: unknown, index: number): boolean => {
    const known = databaseErrorOf(error)
    if (known === undefined || endsCommand(known) || isTransient(operation, known)) throw error
    errors.push({ index, error: known })
    return operation.failStatement() || ordered
  }
  const runFrom = async (first: number, waiting: Promise<void> | undefined): Promise<void> => {
    for (let i = first; i < statements.length; i++) {
      try {
        await (i === first && waiting !== undefined ? waiting : run(statements[i]!, i))
      } catch (error) {
        if (failed(error, i)) return
      }
      if (operation.due()) await operation.pause()
    }
  }
  for (let i = 0; i < statements.length; i++) {
    try {
      const running = run(statements[i]!, i)
      if (running !== undefined) return runFrom(i, running)
    } catch (error) {
      if (failed(error, i)) return
    }
    if (i + 1 < statements.length && operation.due()) return operation.pause().then(() => runFrom(i + 1, undefined))
  }
}
