/**
 * Hostile clients of the HTTP door: every route of REST with senseless parameters, headers and bodies, damaged queries of GraphQL, upgrades that are none
 * and bytes that are no HTTP. Whatever is sent must be answered soon, never by 500.
 */
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { WebSocket } from 'ws'
import { type Choices, Fuzz } from './fuzz.ts'
import { OpenapiCheck, type OpenapiDocument } from './openapi-check.ts'

const answerPatienceMs = 20_000
/** A stream that is not refused is left after this long. */
const watchMs = 60
/** Nothing that is sent here names it. */
const keptDatabase = 'kept'

interface Sent {
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer | string
}

interface Received {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

abstract class HttpFuzz extends Fuzz {
  protected readonly base: URL
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 32 })
  readonly #pinger = new Agent({ keepAlive: true, maxSockets: 1 })
  #isKept: Promise<void> | undefined

  constructor(base: string, random: Choices) {
    super(random)
    this.base = new URL(base)
  }

  close(): void {
    this.#agent.destroy()
    this.#pinger.destroy()
  }

  /** Reads a document that was written before: it must stay what it was. */
  protected async ping(): Promise<void> {
    const path = `/v1/databases/${keptDatabase}/collections/c/documents/k`
    this.#isKept ??= this.#prepare(path)
    await this.#isKept
    const { status, text } = await this.send({ method: 'GET', path }, this.#pinger)
    if (status !== 200 || text !== '{"_id":"k","n":1}') throw new Error(`what was kept is ${status} ${text}`)
  }

  async #prepare(path: string): Promise<void> {
    const headers = { 'content-type': 'application/json' }
    const { status, text } = await this.send({ method: 'PUT', path, body: '{"n": 1}', headers }, this.#pinger)
    if (status >= 300) throw new Error(`what was to be kept was answered with ${status} ${text}`)
  }

  protected send(sent: Sent, agent = this.#agent): Promise<Received> {
    return new Promise((resolve, reject) => {
      const { method, path, headers, body } = sent
      const patience = setTimeout(() => {
        outgoing.destroy()
        reject(new Error(`no answer to ${JSON.stringify(sent)}`))
      }, answerPatienceMs)
      const done = (received: Received) => {
        clearTimeout(patience)
        resolve(received)
      }
      const { hostname: host, port } = this.base
      const framed = { ...headers }
      // Node frames no bodies of DELETE and OPTIONS: they would be the next request's head.
      if (body !== undefined && framed['transfer-encoding'] === undefined)
        framed['content-length'] = String(Buffer.byteLength(body))
      const options = { host, port, agent, method, path, headers: framed }
      const outgoing = httpRequest(options, (incoming: IncomingMessage) => {
        const status = incoming.statusCode!
        const chunks: Buffer[] = []
        if (String(incoming.headers['content-type']).startsWith('text/event-stream'))
          setTimeout(() => outgoing.destroy(), watchMs)
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
        incoming.on('error', () => undefined)
        const headers = new Headers(incoming.headers as Record<string, string>)
        incoming.on('close', () => done({ status, headers, text: Buffer.concat(chunks).toString() }))
      })
      outgoing.on('error', (error) => done({ status: 0, headers: new Headers(), text: error.message }))
      outgoing.end(body)
    })
  }

  /** The answer as the report names it. Throws when it is one that tells of a bug. */
  protected judged(sent: Sent, { status, text }: Received): string {
    if (status === 500 || text.includes('internal error'))
      throw new Error(`${status} ${text.slice(0, 500)} to ${JSON.stringify({ ...sent, body: String(sent.body) })}`)
    return status === 0 ? 'closed' : String(status)
  }

  /** A TCP connection that hardly speaks HTTP. */
  protected socket(): Promise<string> {
    return new Promise((resolve) => {
      const heads = [
        'GET / HTTP/1.1\r\n',
        'POST /v1/x HTTP/1.1\r\ncontent-length: 99\r\n\r\n',
        'PRI * HTTP/2.0\r\n\r\n',
      ]
      const socket = connect(Number(this.base.port), this.base.hostname, () => {
        socket.write(
          Buffer.concat([Buffer.from(this.random.integer(2) === 0 ? this.pick(heads) : ''), this.bytes(300)]),
        )
        setTimeout(() => socket.destroy(), 20)
      })
      socket.on('error', () => undefined)
      socket.on('close', () => resolve('closed'))
      socket.resume()
    })
  }

  /** A value as JSON, senseless in its place. */
  protected value(depth = 0): string {
    const plain = [
      ...['1', '-1', '0', '1e400', '9007199254740993', 'null', 'true', '"x"', '""', '"$a"', '"a\\u0000b"', '[]', '{}'],
      ...['{"$oid":"x"}', '{"$numberLong":"99999999999999999999"}', '{"$date":"never"}', '{"$numberDecimal":"1E9999"}'],
      ...['{"$bad":1}', '{"$gt":1}', '{"a":1,"a":2}', '{"":1}', '{"__proto__":{"x":1}}', '"\\ud800"', '{"$binary":{}}'],
      ...[
        '{"$regularExpression":{"pattern":"(","options":"zz"}}',
        '{"$timestamp":{"t":-1,"i":1}}',
        '{"$undefined":true}',
      ],
    ]
    const kind = this.random.integer(10)
    if (depth > 2 || kind < 6) return this.pick(plain)
    const count = this.random.integer(4)
    if (kind < 8) return `[${Array.from({ length: count }, () => this.value(depth + 1)).join(',')}]`
    const names = ['a', '$set', '$match', '_id', '$or', 'a.b', '$expr', 'name', 'key', '$where', '$inc', '$group']
    return `{${Array.from({ length: count }, () => `"${this.pick(names)}":${this.value(depth + 1)}`).join(',')}}`
  }
}

interface Route {
  readonly method: string
  readonly path: string
  readonly parameters: readonly string[]
}

type Described = Readonly<
  Record<string, { readonly parameters?: readonly { readonly in: string; readonly name: string }[] }>
>

export class RestFuzz extends HttpFuzz {
  #described: Promise<{ readonly routes: readonly Route[]; readonly check: OpenapiCheck }> | undefined
  /** The last transaction and the last cursor that an answer named. */
  #known: string[] = ['x']

  protected async one(): Promise<string> {
    if (this.random.integer(100) < 1) return this.socket()
    this.#described ??= this.#readDescription()
    const { routes, check } = await this.#described
    const sent = this.#request(this.pick(routes))
    const received = await this.send(sent)
    if (received.status !== 0) check.check({ ...sent, ...received })
    const [, named] = /"(?:id|next)":"([^"]+)"/.exec(received.text) ?? []
    if (named !== undefined) this.#known = [...this.#known.slice(-5), named]
    return this.judged(sent, received)
  }

  async #readDescription() {
    const { text } = await this.send({ method: 'GET', path: '/openapi.json' })
    const description = JSON.parse(text) as OpenapiDocument & { paths: Readonly<Record<string, Described>> }
    const routes = Object.entries(description.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { parameters }]) => ({
        method: method.toUpperCase(),
        path,
        parameters: (parameters ?? []).filter((each) => each.in === 'query').map((each) => each.name),
      })),
    )
    return { routes, check: new OpenapiCheck(description) }
  }

  #request({ method, path, parameters }: Route): Sent {
    const random = this.random
    const segment = () =>
      this.pick([
        'fuzz',
        'c',
        'k',
        'a%20b',
        '%24x',
        '%00',
        '%ff',
        '..',
        'x'.repeat(300),
        '507f1f77bcf86cd799439011',
        '7',
      ])
    const place = path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
      name === 'transaction' || name === 'cursor'
        ? this.pick([...this.#known, 'WzEsMl0', 'bnVsbA', 'WyIxLjUiLCJhIiwiYiJd', 'W3t9LHt9LHt9XQ', segment()])
        : name === 'database'
          ? this.pick(['fuzz', 'fuzz', 'fuzz', segment()])
          : name === 'collection'
            ? this.pick(['c', 'c', 'd', segment()])
            : segment(),
    )
    const query = parameters
      .filter(() => random.integer(2) === 0)
      .map((name) => `${name}=${encodeURIComponent(this.#argument())}`)
    const headers: Record<string, string> = { 'content-type': this.pick(types) }
    for (const [name, values] of Object.entries(oddHeaders))
      if (random.integer(15) === 0) headers[name] = this.pick(values)
    // None that is open: it would hold what others want until its lifetime is over.
    if (random.integer(10) === 0)
      headers['laura-transaction'] = this.pick(['x', '', '3b241101-e2bb-4255-8caf-4136c566a962'])
    const hasBody = method !== 'GET' && random.integer(10) > 0
    return {
      method: random.integer(30) === 0 ? this.pick(['PUT', 'PATCH', 'OPTIONS', 'DELETE']) : method,
      path: `${place}${query.length === 0 ? '' : `?${query.join('&')}`}`,
      headers,
      ...(hasBody ? { body: this.#body(path) } : {}),
    }
  }

  #argument(): string {
    const words = ['', '1', '-1', '0', '99999999999', 'true', 'int', 'uuid', 'ejson', 'canonical', '{', '[1', 'x\0y']
    return this.random.integer(2) === 0 ? this.value() : this.pick(words)
  }

  #body(path: string): Buffer {
    const fields = ['filter', 'sort', 'projection', 'pipeline', 'operations', 'find', 'aggregate', 'pageSize', 'limit']
    const more = ['hint', 'key', 'name', 'unique', 'collation', 'let', 'skip', 'ordered', 'capped', 'size', 'viewOn']
    const commands = [
      'find',
      'aggregate',
      'count',
      'insert',
      'update',
      'delete',
      'explain',
      'listCollections',
      'getMore',
    ]
    const parts: string[] = []
    if (path.endsWith('/command')) parts.push(`"${this.pick(commands)}":${this.pick(['"c"', this.value()])}`)
    for (let n = this.random.integer(4); n > 0; n--)
      parts.push(`"${this.pick([...fields, ...more, '$set', '$inc', '_id', 'a'])}":${this.value()}`)
    if (path.endsWith('/bulk'))
      parts.push(
        `"operations":[{"${this.pick(['insertOne', 'updateOne', 'deleteMany', 'x'])}":{"document":${this.value()},"filter":${this.value()},"update":${this.value()}}}]`,
      )
    const text = path.endsWith('/import')
      ? Array.from({ length: 5 }, () => this.value()).join('\n')
      : this.random.integer(8) === 0
        ? this.value()
        : `{${parts.join(',')}}`
    return this.random.integer(4) === 0 ? this.damaged(Buffer.from(text)) : Buffer.from(text)
  }
}

const types = [
  ...['application/json', 'application/json', 'application/json', 'application/ejson', 'application/merge-patch+json'],
  ...['application/vnd.lauradb.update+json', 'application/x-ndjson', 'application/jsonl', 'text/plain', 'x', ''],
]

const oddHeaders: Readonly<Record<string, readonly string[]>> = {
  'if-match': ['*', '"x"', '', ',,,', 'W/"x"'],
  'if-none-match': ['*', '"x"', ''],
  'idempotency-key': ['k', '', 'x'.repeat(256)],
  prefer: ['return=minimal', 'x'],
  accept: ['application/ejson; mode=canonical', 'text/html', '*/*;q=x', ''],
  'accept-encoding': ['zstd', 'br', 'gzip', 'x', 'gzip;q=9'],
  'content-encoding': ['gzip', 'x'],
  'last-event-id': ['x', '', '8200', 'x'.repeat(2000)],
  'transfer-encoding': ['chunked'],
  expect: ['100-continue', 'x'],
}

const queries = [
  '{ c(filter: { match: {} }, first: 3) { nodes { _id } totalCount pageInfo { endCursor } } }',
  '{ documents(collection: "c", filter: {a: 1}, sort: {a: 1}, limit: 5) collections }',
  'query($f: EJSON, $n: Int) { documents(collection: "c", filter: $f, limit: $n) }',
  'query($p: [EJSON!]!) { aggregateDocuments(collection: "c", pipeline: $p) }',
  'mutation($d: [EJSON!]!) { insertDocuments(collection: "c", documents: $d) { insertedIds } }',
  'mutation($f: EJSON!, $u: EJSON!) { updateDocuments(collection: "c", filter: $f, update: $u, many: true) { matched } }',
  'mutation($f: EJSON!) { deleteDocuments(collection: "c", filter: $f) { deleted } }',
  'mutation { insertC(document: { _more: { a: 1 } }) { _id _document } }',
  '{ cAggregate(groupBy: ["a", "", "a.b"], limit: -1) { key count } cById(id: "x") { _document } }',
  '{ c(first: -1, after: "x", before: "eA", last: 5) { edges { cursor node { _document } } } }',
  'fragment f on Query { ...f } { ...f }',
  '{ __schema { types { name fields { name } } } }',
  'subscription { cChanged(resumeAfter: "x") { operationType } }',
]

export class GraphqlFuzz extends HttpFuzz {
  protected async one(): Promise<string> {
    const kind = this.random.integer(100)
    if (kind < 1) return this.socket()
    if (kind < 4) return this.#webSocket()
    const sent = this.#request()
    return this.judged(sent, await this.send(sent))
  }

  #request(): Sent {
    const random = this.random
    const path = this.pick([
      '/graphql/fuzz',
      '/graphql/fuzz',
      '/graphql/fuzz',
      '/graphql',
      '/graphql/%ff',
      '/graphql-stream/fuzz',
    ])
    const query = this.#query()
    if (random.integer(10) === 0) {
      const search = `query=${encodeURIComponent(query)}&variables=${encodeURIComponent(this.value())}`
      const headers = { 'apollo-require-preflight': '1', accept: this.pick(['text/html', 'application/json', '*/*']) }
      return { method: 'GET', path: `${path}?${search}`, headers }
    }
    const variables = `{"f":${this.value()},"n":${this.value()},"p":${this.value()},"d":${this.value()},"u":${this.value()}}`
    const parts = [
      `"query":${JSON.stringify(query)}`,
      `"variables":${random.integer(3) === 0 ? this.value() : variables}`,
    ]
    if (random.integer(5) === 0) parts.push(`"operationName":${this.value()}`, `"extensions":${this.value()}`)
    const body = Buffer.from(random.integer(12) === 0 ? this.value() : `{${parts.join(',')}}`)
    const accept = this.pick(['application/json', 'text/event-stream', 'multipart/mixed', '*/*'])
    return {
      method: this.pick(['POST', 'POST', 'POST', 'POST', 'PUT', 'DELETE', 'OPTIONS']),
      path,
      headers: {
        'content-type': this.pick(['application/json', 'application/json', 'text/plain', 'application/graphql']),
        accept,
      },
      body: random.integer(6) === 0 ? this.damaged(body) : body,
    }
  }

  #query(): string {
    const random = this.random
    const query = this.pick(queries)
    const kind = random.integer(10)
    if (kind < 4) return query
    if (kind === 4) return '{'.repeat(random.integer(3000))
    if (kind === 5) return `{ ${'a'.repeat(random.integer(3000))} }`
    const at = random.integer(query.length)
    const other = this.pick(queries)
    if (kind < 8) return query.slice(0, at) + other.slice(random.integer(other.length))
    return this.damaged(Buffer.from(query)).toString()
  }

  /** Frames that the protocol of subscriptions does not have, or not yet. */
  #webSocket(): Promise<string> {
    return new Promise((resolve) => {
      const socket = new WebSocket(
        `ws://${this.base.host}/graphql/fuzz`,
        this.pick([['graphql-transport-ws'], ['x'], []]),
      )
      const frames = [
        '{"type":"connection_init"}',
        `{"type":"subscribe","id":"1","payload":{"query":${JSON.stringify(this.#query())}}}`,
        `{"type":"subscribe","id":${this.value()},"payload":${this.value()}}`,
        '{"type":"complete","id":"1"}',
        this.value(),
        this.bytes(100),
      ]
      socket.on('open', () => {
        if (this.random.integer(2) === 0) socket.send(frames[0]!)
        for (let n = this.random.integer(4); n > 0; n--) socket.send(this.pick(frames))
        setTimeout(() => socket.terminate(), watchMs)
      })
      socket.on('error', () => undefined)
      socket.on('close', (code) => resolve(`socket closed ${code}`))
    })
  }
}
