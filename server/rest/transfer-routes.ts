/** Whole collections as streams of newline-delimited Extended JSON, in either direction, with no more in memory than a batch. */
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { rawDocument } from '../../pkg/bson/build.ts'
import { decodeDocument } from '../../pkg/bson/convert.ts'
import { parseExtendedJson } from '../../pkg/bson/ejson.ts'
import { JsonDocumentSplitter } from '../../pkg/bson/json-splitter.ts'
import type { Caller } from './caller.ts'
import { cursorOf, documentParameter, sendText, valueText } from './content.ts'
import { refuseIdempotencyKey } from './idempotency.ts'
import { HttpProblem } from './problem.ts'
import { jsonText, parametersOf, type Routes } from './route.ts'
import * as shapes from './shapes.ts'

const collection = '/v1/databases/:database/collections/:collection'
const tag = 'transfer'
const batchDocuments = 1000
const batchBytes = 4 * 1024 * 1024
const errorsShown = 100
export const streamTypes = ['application/x-ndjson', 'application/jsonl']

export function addTransferRoutes(routes: Routes): void {
  routes.add(
    'POST',
    `${collection}/import`,
    {
      tag,
      summary: 'Insert the documents of a stream',
      description:
        'Newline-delimited documents, or one array of them. What cannot be inserted is told of, the rest goes in.',
      body: { type: 'string' },
      bodyTypes: streamTypes,
      answers: { 200: '{inserted, failed, errors}' },
      answer: shapes.imported,
    },
    importDocuments,
  )
  routes.add(
    'GET',
    `${collection}/export`,
    {
      tag,
      summary: 'All documents that match, as a stream',
      query: { filter: jsonText, sort: jsonText, projection: jsonText },
      answers: { 200: 'a document a line' },
      answerType: streamTypes[0]!,
    },
    exportDocuments,
  )
}

async function importDocuments(caller: Caller, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const { database, collection: name } = parametersOf(request)
  refuseIdempotencyKey(request)
  if (!(request.body instanceof Readable))
    throw new HttpProblem(415, 'BadValue', `the body must be a stream of type ${streamTypes.join(' or ')}`)
  const splitter = new JsonDocumentSplitter()
  const result = { inserted: 0, failed: 0, errors: [] as unknown[] }
  let batch: Uint8Array[] = []
  let bytes = 0
  let position = 0
  const flush = async (): Promise<void> => {
    if (batch.length === 0) return
    const documents = batch
    batch = []
    bytes = 0
    const done = decodeDocument(
      await caller.run(database, {
        insert: name,
        documents: documents.map((each) => rawDocument(each)),
        ordered: false,
      }),
    ) as { n: number; writeErrors?: { index: number; code: number; errmsg: string }[] }
    result.inserted += done.n
    for (const { index, code, errmsg } of done.writeErrors ?? []) {
      result.failed++
      if (result.errors.length < errorsShown)
        result.errors.push({ document: position - documents.length + index, code, errmsg })
    }
  }
  const take = async (): Promise<void> => {
    for (let text = splitter.next(); text !== undefined; text = splitter.next()) {
      const document = parseExtendedJson(text)
      batch.push(document)
      bytes += document.length
      position++
      if (batch.length >= batchDocuments || bytes >= batchBytes) await flush()
    }
  }
  for await (const chunk of request.body) {
    splitter.push(chunk as Uint8Array)
    await take()
  }
  splitter.end()
  await take()
  await flush()
  return sendText(reply, JSON.stringify(result))
}

async function exportDocuments(caller: Caller, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const { database, collection: name } = parametersOf(request)
  const query = request.query as Record<'filter' | 'sort' | 'projection', string | undefined>
  // The first batch before the status: what is wrong with the query is a problem, not a stream that breaks.
  const first = await caller.run(database, {
    find: name,
    filter: documentParameter('filter', query.filter),
    sort: documentParameter('sort', query.sort),
    projection: documentParameter('projection', query.projection),
    batchSize: batchDocuments,
  })
  async function* lines(): AsyncGenerator<string> {
    let page = cursorOf(first)
    for (;;) {
      yield page.documents.map((document) => `${valueText(request, document)}\n`).join('')
      if (page.id === 0n) return
      page = cursorOf(await caller.run(database, { getMore: page.id, collection: name, batchSize: batchDocuments }))
    }
  }
  return reply.type(`${streamTypes[0]}; charset=utf-8`).send(Readable.from(lines(), { objectMode: false }))
}
