/** Change streams as server-sent events. An event's id is its resume token, so that a browser that reconnects goes on where it was. */
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { parseExtendedJson } from '../../pkg/bson/ejson.ts'
import { bsonType } from '../../pkg/bson/type.ts'
import { documentFields, documentOf, getField, readString, type Value } from '../../pkg/bson/value.ts'
import type { Caller } from './caller.ts'
import { cursorOf, valueText } from './content.ts'
import { CommandProblem, HttpProblem, problemBody } from './problem.ts'
import { jsonText, parametersOf, type Routes } from './route.ts'

const tag = 'changes'
/** A comment goes out this often when nothing happens, so that proxies keep the connection. */
const heartbeatMs = 10_000

export function addChangeRoutes(routes: Routes): void {
  const query = {
    pipeline: { type: 'string', description: 'stages for the events, an array in Extended JSON' },
    fullDocument: { type: 'string', enum: ['default', 'updateLookup', 'whenAvailable', 'required'] },
    fullDocumentBeforeChange: { type: 'string', enum: ['off', 'whenAvailable', 'required'] },
    startAtOperationTime: jsonText,
    showExpandedEvents: { type: 'boolean' },
  }
  for (const [path, what] of [
    ['/v1/databases/:database/collections/:collection/changes', 'a collection'],
    ['/v1/databases/:database/changes', 'a database'],
    ['/v1/changes', 'all databases'],
  ] as const)
    routes.add(
      'GET',
      path,
      {
        tag,
        summary: `The changes of ${what}, as they happen`,
        description: 'Server-sent events: event is the operation, data the event, id its resume token.',
        query,
        headers: { 'last-event-id': { type: 'string', description: 'goes on after that event' } },
        answers: { 200: 'events, until either side ends it' },
        answerType: 'text/event-stream',
      },
      watch,
    )
}

async function watch(caller: Caller, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const parameters = parametersOf(request)
  const database = parameters.database ?? 'admin'
  const query = request.query as Record<string, string | boolean | undefined>
  const last = request.headers['last-event-id']
  const stage = {
    $changeStream: {
      fullDocument: query['fullDocument'],
      fullDocumentBeforeChange: query['fullDocumentBeforeChange'],
      showExpandedEvents: query['showExpandedEvents'],
      startAtOperationTime: timestampOf(query['startAtOperationTime'] as string | undefined),
      // Also after the event that ended the stream, such as a drop: a browser that reconnects sees what comes then.
      startAfter: last === undefined ? undefined : { _data: String(last) },
      allChangesForCluster: parameters.database === undefined ? true : undefined,
    },
  }
  const collection = parameters.collection ?? '$cmd.aggregate'
  const first = await caller.run(database, {
    aggregate: parameters.collection ?? 1,
    pipeline: [stage, ...stagesOf(query['pipeline'] as string | undefined)],
    cursor: {},
  })
  async function* events(): AsyncGenerator<string> {
    let page = cursorOf(first)
    yield `: changes follow\n${page.documents.length === 0 ? positionText(first) : ''}\n`
    try {
      for (;;) {
        for (const event of page.documents) yield eventText(request, event)
        if (page.id === 0n) return
        const more = await caller.run(database, { getMore: page.id, collection, maxTimeMS: heartbeatMs })
        page = cursorOf(more)
        if (page.documents.length === 0) yield `: nothing new\n${positionText(more)}\n`
      }
    } catch (error) {
      if (!(error instanceof CommandProblem)) throw error
      yield `event: error\ndata: ${problemBody(error, String(request.id))}\n\n`
    }
  }
  reply.header('cache-control', 'no-store').header('x-accel-buffering', 'no')
  return reply
    .type('text/event-stream; charset=utf-8')
    .send(Readable.from(events(), { objectMode: false, highWaterMark: 1 }))
}

function eventText(request: FastifyRequest, event: Value): string {
  const document = documentOf(event)
  const operation = getField(document, 'operationType')
  const token = getField(documentOf(getField(document, '_id')!), '_data')!
  const name = operation === undefined ? 'message' : readString(operation.bytes, operation.start)
  return `id: ${readString(token.bytes, token.start)}\nevent: ${name}\ndata: ${valueText(request, event)}\n\n`
}

/** How far the stream has come without an event to tell of, so that who reconnects misses nothing and repeats no work. */
function positionText(reply: Uint8Array): string {
  const token = getField(documentOf(getField(reply, 'cursor')!), 'postBatchResumeToken')
  const text = token === undefined ? undefined : getField(documentOf(token), '_data')
  return text === undefined ? '' : `id: ${readString(text.bytes, text.start)}\n`
}

function stagesOf(text: string | undefined): unknown[] {
  if (text === undefined || text === '') return []
  const array = getField(parseExtendedJson(`{"pipeline":${text}}`), 'pipeline')!
  if (array.type !== bsonType.array) throw new HttpProblem(400, 'TypeMismatch', `'pipeline' must be an array`)
  return [...documentFields(array.bytes, array.start)]
}

function timestampOf(text: string | undefined): Value | undefined {
  if (text === undefined || text === '') return undefined
  const value = getField(parseExtendedJson(`{"at":${text}}`), 'at')
  if (value === undefined) throw new HttpProblem(400, 'BadValue', `'startAtOperationTime' must be a timestamp`)
  return value
}
