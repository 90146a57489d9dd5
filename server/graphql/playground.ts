/** GraphiQL, served from here with everything it loads, and opened with queries for the data that is there. */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { CollectionModel } from './model.ts'

const require = createRequire(import.meta.url)

/** By the name it is served under: the package and its file. */
const assets: Readonly<Record<string, readonly [packageName: string, file: string, type: string]>> = {
  'graphiql.css': ['graphiql', 'graphiql.min.css', 'text/css; charset=utf-8'],
  'react.js': ['react', 'umd/react.production.min.js', 'text/javascript; charset=utf-8'],
  'react-dom.js': ['react-dom', 'umd/react-dom.production.min.js', 'text/javascript; charset=utf-8'],
  'graphiql.js': ['graphiql', 'graphiql.min.js', 'text/javascript; charset=utf-8'],
}

export function addPlaygroundAssets(app: FastifyInstance): void {
  for (const [name, [packageName, file, type]] of Object.entries(assets)) {
    const path = join(dirname(require.resolve(`${packageName}/package.json`)), file)
    app.get(`/graphql-playground/${name}`, { schema: { hide: true } }, async (_request, reply) =>
      reply
        .type(type)
        .header('cache-control', 'max-age=86400')
        .send(await readFile(path)),
    )
  }
}

/** The page; `path`: where it sends its queries. */
export function playgroundPage(databaseName: string, path: string, models: readonly CollectionModel[]): string {
  const settings = { path, query: exampleQueries(databaseName, models) }
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>LauraDB · ${escapeHtml(databaseName)}</title>
<link rel="stylesheet" href="/graphql-playground/graphiql.css"><style>body,html,#playground{height:100%;margin:0}</style></head>
<body><div id="playground">Loading…</div>
<script src="/graphql-playground/react.js"></script><script src="/graphql-playground/react-dom.js"></script>
<script src="/graphql-playground/graphiql.js"></script>
<script type="application/json" id="settings">${JSON.stringify(settings).replaceAll('<', '\\u003c')}</script>
<script>
const settings = JSON.parse(document.getElementById('settings').textContent)
const subscriptionUrl = location.origin.replace(/^http/, 'ws') + settings.path
ReactDOM.createRoot(document.getElementById('playground')).render(React.createElement(GraphiQL, {
  fetcher: GraphiQL.createFetcher({ url: settings.path, subscriptionUrl }),
  defaultQuery: settings.query, defaultEditorToolsVisibility: true,
}))
</script></body></html>`
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}

/** A query that gives something back at once. */
export function exampleQueries(databaseName: string, models: readonly CollectionModel[]): string {
  const [model] = [...models].sort((a, b) => b.fields.length - a.fields.length)
  const about = `# Database ${databaseName}. The tabs at the left show every collection with its fields; Ctrl-Enter runs the query.`
  if (model === undefined)
    return `${about}\n# There is no collection yet: insert a document through any door, and reload.\n\nquery {\n  collections\n}\n`
  const scalars = model.fields.filter(({ shape }) => shape.kind === 'scalar' || shape.kind === 'any').slice(0, 5)
  const text = model.fields.find(({ shape }) => shape.kind === 'scalar' && shape.scalar === 'String')
  const lines = scalars.map(({ name }) => `      ${name}`).join('\n')
  const group =
    text === undefined
      ? ''
      : `\nquery Grouped {\n  ${model.field}Aggregate(groupBy: ["${text.path}"], limit: 5) {\n    key\n    count\n  }\n}\n`
  return `${about}\n\nquery First {\n  ${model.field}(first: 5) {\n    totalCount\n    nodes {\n${lines}\n    }\n  }\n}\n${group}`
}
