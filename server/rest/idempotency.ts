/**
 * Idempotency-Key: a request that is sent again under its key writes nothing and gets the first outcome.
 *
 * The key names a session, whose only retryable write is the request's: what the database remembers of sessions makes it once, across
 * crashes and restarts, for as long as it keeps the session's record. The statement's id is a digest of the request, so that another
 * request under the same key is found out.
 */
import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { buildDocument, rawDocument } from '../../pkg/bson/build.ts'
import { binaryValue, objectIdValue, type Value } from '../../pkg/bson/value.ts'
import type { Caller } from './caller.ts'
import { HttpProblem } from './problem.ts'

const transactionNumber = 1n
/** Statement ids are int32; there is room for those of a bulk write behind the largest. */
const statementMask = 0x3fff_ffff
const keyLengthMax = 255

export class OnceOnly {
  /** What makes the command that writes one of the session; to be given to no other. */
  readonly fields: Readonly<Record<string, unknown>>
  /** Whether it was done before: the command gives the first outcome, whatever else it says. */
  readonly isAgain: boolean
  /** The id of a document that comes without one, the same each time. */
  readonly newId: Value

  constructor(caller: Caller, request: FastifyRequest, key: string, statementCount: number) {
    const session = digest('idempotency-key', key).subarray(0, 16)
    session[6] = (session[6]! & 0x0f) | 0x80
    session[8] = (session[8]! & 0x3f) | 0x80
    const { body } = request
    const said = digest('request', request.method, request.url, body instanceof Uint8Array ? body : '')
    const statement = Buffer.from(said).readUInt32LE() & statementMask
    const { sessions } = caller.database.engine
    this.isAgain = Array.from({ length: statementCount }).some(
      (_, i) => sessions.result(session, transactionNumber, statement + i) !== undefined,
    )
    if (!this.isAgain && sessions.head(session) !== undefined)
      throw new HttpProblem(422, 'IdempotencyKeyReused', 'the Idempotency-Key was that of another request')
    this.newId = objectIdValue(digest('_id', key).slice(0, 12))
    this.fields = {
      lsid: rawDocument(buildDocument({ id: binaryValue(session, 4) })),
      txnNumber: transactionNumber,
      stmtId: statement,
    }
  }
}

/**
 * What a request's Idempotency-Key asks for; undefined: it has none, or it is part of a transaction, whose commit may be repeated.
 * `statementCount`: how many writes its command has.
 */
export function onceOnly(caller: Caller, request: FastifyRequest, statementCount = 1): OnceOnly | undefined {
  const key = request.headers['idempotency-key']
  if (key === undefined || caller.shared['txnNumber'] !== undefined) return undefined
  if (typeof key !== 'string' || key === '' || key.length > keyLengthMax)
    throw new HttpProblem(400, 'BadValue', `an Idempotency-Key has 1 to ${keyLengthMax} characters`)
  return new OnceOnly(caller, request, key, statementCount)
}

/** Refuses an Idempotency-Key where it would promise what is not kept. */
export function refuseIdempotencyKey({ headers }: FastifyRequest): void {
  if (headers['idempotency-key'] !== undefined)
    throw new HttpProblem(
      400,
      'InvalidOptions',
      'an Idempotency-Key is for writes of one document, and for bulk writes',
    )
}

function digest(...parts: readonly (string | Uint8Array)[]): Uint8Array {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part).update('\0')
  return Uint8Array.from(hash.digest())
}
