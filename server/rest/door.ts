/** The REST door: `/v1` and what describes it, `/openapi.json` and `/docs`. */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { version } from '../../pkg/base/version.ts'
import type { Database } from '../../pkg/command/dispatch.ts'
import { addCatalogRoutes } from './catalog-routes.ts'
import { addChangeRoutes } from './change-routes.ts'
import { documentTypes } from './content.ts'
import { addDocumentRoutes } from './document-routes.ts'
import { addQueryRoutes } from './query-routes.ts'
import { Routes } from './route.ts'
import { addTransactionRoutes } from './transaction-routes.ts'
import { Transactions } from './transactions.ts'
import { addTransferRoutes, streamTypes } from './transfer-routes.ts'

export interface RestOptions {
  readonly database: Database
}

/** Registers the routes; the app has its error handler and its limits already. */
export async function addRestDoor(app: FastifyInstance, { database }: RestOptions): Promise<void> {
  app.removeContentTypeParser('text/plain')
  app.addContentTypeParser(documentTypes, { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.addContentTypeParser(streamTypes, (_request, payload, done) => done(null, payload))
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'LauraDB',
        version,
        description:
          'Documents over HTTP. Bodies and answers are MongoDB Extended JSON; errors are application/problem+json.',
      },
      tags: ['documents', 'queries', 'catalog', 'transfer', 'changes', 'transactions'].map((name) => ({ name })),
    },
    transform: ({ schema, url, route }) => ({ schema: { ...schema, ...route.config?.shown }, url }),
  })
  const transactions = new Transactions(() => database.world.clock.monotonicMs())
  const routes = new Routes(app, database, transactions)
  addCatalogRoutes(routes)
  addDocumentRoutes(routes)
  addQueryRoutes(routes)
  addTransferRoutes(routes)
  addChangeRoutes(routes)
  addTransactionRoutes(routes, transactions)
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
  addDocumentation(app)
}

const assets: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
}

/** The page for people, with everything it loads from this server: it works without a way to the internet. */
function addDocumentation(app: FastifyInstance): void {
  const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))
  const page = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>LauraDB</title><meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/docs/swagger-ui.css"></head>
<body><div id="ui"></div><script src="/docs/swagger-ui-bundle.js"></script>
<script>SwaggerUIBundle({ url: '/openapi.json', dom_id: '#ui', deepLinking: true, tryItOutEnabled: true })</script></body></html>`
  app.get('/docs', { schema: { hide: true } }, (_request, reply) => reply.type('text/html; charset=utf-8').send(page))
  for (const [name, type] of Object.entries(assets))
    app.get(`/docs/${name}`, { schema: { hide: true } }, async (_request, reply) =>
      reply
        .type(type)
        .header('cache-control', 'max-age=86400')
        .send(await readFile(join(folder, name))),
    )
}
