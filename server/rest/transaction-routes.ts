/** Transactions: made, committed, aborted. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { buildDocument, rawDocument } from '../../pkg/bson/build.ts'
import { readTransactionOptions, transactionOptionNames } from '../../pkg/command/transaction-options.ts'
import type { Caller } from './caller.ts'
import { fieldsOf, optionalBodyOf, sendText } from './content.ts'
import { parametersOf, type Routes } from './route.ts'
import * as shapes from './shapes.ts'
import type { Transactions } from './transactions.ts'

const tag = 'transactions'

export function addTransactionRoutes(routes: Routes, transactions: Transactions): void {
  routes.add(
    'POST',
    '/v1/transactions',
    {
      tag,
      summary: 'Begin a transaction',
      description:
        'Requests with its id in the header Laura-Transaction are its statements, one after another. The body, which may be left out, says what the transaction promises.',
      body: shapes.transactionOptions,
      answers: { 201: '{id}' },
      answer: shapes.transaction,
    },
    (_caller: Caller, request: FastifyRequest, reply: FastifyReply) => {
      const id = transactions.begin(firstFields(optionalBodyOf(request)))
      return Promise.resolve(sendText(reply.header('location', `/v1/transactions/${id}`), JSON.stringify({ id }), 201))
    },
  )
  routes.add(
    'POST',
    '/v1/transactions/:transaction/commit',
    { tag, summary: 'Commit', answers: { 204: 'all its writes are durable' } },
    async (caller, request, reply) => {
      await transactions.end(caller, parametersOf(request).transaction, 'commitTransaction')
      return reply.code(204).send()
    },
  )
  routes.add(
    'DELETE',
    '/v1/transactions/:transaction',
    { tag, summary: 'Abort', answers: { 204: 'none of its writes happened' } },
    async (caller, request, reply) => {
      await transactions.end(caller, parametersOf(request).transaction, 'abortTransaction')
      return reply.code(204).send()
    },
  )
}

/** What a first statement has besides its own fields, for a body that begins a transaction. Throws what is wrong with that. */
function firstFields(body: Uint8Array): Readonly<Record<string, unknown>> {
  const { readConcern, ...options } = fieldsOf(body, ['readConcern', ...transactionOptionNames])
  const transactionOptions = rawDocument(buildDocument(options))
  readTransactionOptions(transactionOptions.bytes)
  return { transactionOptions, ...(readConcern !== undefined && { readConcern }) }
}
