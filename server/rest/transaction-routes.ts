/** Transactions: made, committed, aborted. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Caller } from './caller.ts'
import { fieldsOf, optionalBodyOf, sendText } from './content.ts'
import { anyObject, parametersOf, type Routes } from './route.ts'
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
        '{readConcern}. Requests with its id in the header Laura-Transaction are its statements, one after another.',
      body: anyObject,
      answers: { 201: '{id}' },
      answer: shapes.transaction,
    },
    (_caller: Caller, request: FastifyRequest, reply: FastifyReply) => {
      const { readConcern } = fieldsOf(optionalBodyOf(request), ['readConcern'])
      const id = transactions.begin(readConcern === undefined ? {} : { readConcern })
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
