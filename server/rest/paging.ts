/** Results page by page: what a cursor still has is named by a token, in the body and in a Link header. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Caller } from './caller.ts'
import { cursorOf, sendText, valueText } from './content.ts'
import { HttpProblem } from './problem.ts'

/** Documents on a page when the client does not say. */
export const pageSizeDefault = 100

interface Place {
  readonly database: string
  readonly collection: string
  readonly cursorId: bigint
  /** What the next page has when its request does not say: what the first one was asked for. */
  readonly pageSize: number
}

/** Tokens hold no secret: whoever guesses a cursor's id could as well ask the database. */
function tokenOf({ database, collection, cursorId, pageSize }: Place): string {
  return Buffer.from(JSON.stringify([String(cursorId), database, collection, pageSize])).toString('base64url')
}

function placeOf(token: string): Place {
  try {
    const place: unknown = JSON.parse(Buffer.from(token, 'base64url').toString())
    const [cursorId, database, collection, pageSize] = Array.isArray(place) ? (place as unknown[]) : []
    if (typeof cursorId === 'string' && typeof database === 'string' && typeof collection === 'string')
      return {
        cursorId: BigInt.asIntN(64, BigInt(cursorId)),
        database,
        collection,
        pageSize: typeof pageSize === 'number' ? pageSize : pageSizeDefault,
      }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  throw new HttpProblem(400, 'BadValue', 'the cursor token is none that this server gave')
}

/** Answers with the batch of `command`'s reply, and how to get the next one. */
export function sendPage(
  request: FastifyRequest,
  reply: FastifyReply,
  place: Omit<Place, 'cursorId'>,
  commandReply: Uint8Array,
): FastifyReply {
  const { documents, id } = cursorOf(commandReply)
  const next = id === 0n ? undefined : tokenOf({ ...place, cursorId: id })
  if (next !== undefined) {
    const { ejson } = request.query as { ejson?: string }
    reply.header('link', `</v1/cursors/${next}${ejson === undefined ? '' : `?ejson=${ejson}`}>; rel="next"`)
  }
  const texts = documents.map((document) => valueText(request, document))
  return sendText(reply, `{"documents":[${texts.join(',')}],"next":${next === undefined ? 'null' : `"${next}"`}}`)
}

/** The next page. */
export async function nextPage(
  caller: Caller,
  request: FastifyRequest,
  reply: FastifyReply,
  token: string,
  asked: number | undefined,
): Promise<FastifyReply> {
  const { cursorId, database, collection, pageSize: before } = placeOf(token)
  const pageSize = asked ?? before
  const commandReply = await caller.run(database, { getMore: cursorId, collection, batchSize: pageSize })
  return sendPage(request, reply, { database, collection, pageSize }, commandReply)
}

export async function closeCursor(caller: Caller, token: string): Promise<void> {
  const { cursorId, database, collection } = placeOf(token)
  await caller.run(database, { killCursors: collection, cursors: [cursorId] })
}
