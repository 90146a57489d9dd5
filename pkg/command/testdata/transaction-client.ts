/** A client's session, which numbers its transactions as drivers do. */
import { Long, UUID } from 'bson'

type Document = Record<string, unknown>

export class TransactionClient {
  readonly lsid = { id: new UUID() }
  readonly #reply: (command: Document) => Promise<Document>
  #number = 0
  #begun = false

  /** `reply`: of a server to a command. */
  constructor(reply: (command: Document) => Promise<Document>) {
    this.#reply = reply
  }

  begin(): this {
    this.#number++
    this.#begun = false
    return this
  }

  /** A statement; `fields`: what it has besides those of the transaction. */
  run(command: Document, fields: Document = {}): Promise<Document> {
    const first =
      !this.#begun && command['commitTransaction'] === undefined && command['abortTransaction'] === undefined
    this.#begun = true
    return this.#reply({
      ...command,
      lsid: this.lsid,
      txnNumber: Long.fromNumber(this.#number),
      autocommit: false,
      ...(first ? { startTransaction: true } : {}),
      ...fields,
    })
  }

  commit(): Promise<Document> {
    return this.run({ commitTransaction: 1, $db: 'admin' })
  }

  abort(): Promise<Document> {
    return this.run({ abortTransaction: 1, $db: 'admin' })
  }
}
