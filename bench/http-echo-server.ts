/**
 * The limit of the HTTP door: the same frameworks doing nothing. `GET /empty` answers a fixed text of the given length from a Fastify route, and `POST /graphql`
 * resolves twenty constants of the shape that the benchmark's query asks for, by Apollo.
 */
import { ApolloServer, HeaderMap } from '@apollo/server'
import fastify from 'fastify'
import { makePeople } from './documents.ts'

const text = 'x'.repeat(Number(process.argv[2] ?? 400))
const people = makePeople(20).map((person) => ({ ...person, _id: person._id.toHexString() }))
const apollo = new ApolloServer({
  typeDefs: `type Person { _id: String name: String email: String age: Float city: String score: Float }
    type PeopleConnection { nodes: [Person!]! } type Query { people(filter: Condition, first: Int): PeopleConnection! }
    input Equal { eq: String } input Condition { city: Equal }`,
  resolvers: { Query: { people: () => ({ nodes: people }) } },
})
await apollo.start()
const app = fastify()
app.get('/empty', (_request, reply) => reply.type('application/json; charset=utf-8').send(text))
app.post('/graphql', async (request, reply) => {
  const headers = new HeaderMap()
  for (const [name, value] of Object.entries(request.headers)) if (value !== undefined) headers.set(name, String(value))
  const response = await apollo.executeHTTPGraphQLRequest({
    httpGraphQLRequest: { method: 'POST', headers, search: '', body: request.body },
    context: () => Promise.resolve({}),
  })
  for (const [name, value] of response.headers) reply.header(name, value)
  return reply.send(response.body.kind === 'complete' ? response.body.string : '')
})
await app.listen({ host: '127.0.0.1', port: 0 })
console.log((app.server.address() as { port: number }).port)
