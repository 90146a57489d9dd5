/** Runs tests of the unified test format through the official driver. */
import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import {
  ChangeStream,
  type ClientSession,
  Collection,
  type CommandFailedEvent,
  type CommandStartedEvent,
  type CommandSucceededEvent,
  Db,
  type Document,
  GridFSBucket,
  MongoBulkWriteError,
  MongoClient,
  MongoClientBulkWriteError,
  type MongoClientOptions,
  MongoError,
  MongoServerError,
  ReadPreference,
} from 'mongodb'
import { type MatchContext, match } from './match.ts'
import {
  bucketOperations,
  bulkResult,
  clientBulkResult,
  clientOperations,
  collectionOperations,
  databaseOperations,
  sessionOperations,
  transactionOptions,
} from './operations.ts'
import type { Json, SpecData, SpecEvents, SpecFile, SpecOperation, SpecTest } from './spec.ts'

interface ClientEntity {
  readonly client: MongoClient
  readonly events: Json[]
}

/** Commands whose events nobody means. */
const silent: ReadonlySet<string> = new Set(['configureFailPoint', 'hello', 'isMaster', 'ismaster', 'endSessions'])

/** Runs one test against the server at `uri`; throws what went otherwise. `own`: a client for setting up and looking at the outcome. */
export async function runSpecTest(uri: string, own: MongoClient, file: SpecFile, test: SpecTest): Promise<void> {
  const run = new SpecRun(uri, own)
  try {
    // A test that failed may have left a transaction open.
    await own.db('admin').command({ killAllSessions: [] })
    for (const data of file.initialData ?? []) await setUp(own, data)
    for (const entity of file.createEntities ?? []) await run.create(entity)
    for (const operation of test.operations) await run.perform(operation)
    for (const expected of test.expectEvents ?? []) run.checkEvents(expected)
    for (const data of test.outcome ?? []) await checkOutcome(own, data)
  } finally {
    await run.close()
  }
}

async function setUp(
  client: MongoClient,
  { databaseName, collectionName, documents, createOptions }: SpecData,
): Promise<void> {
  const database = client.db(databaseName)
  await database.collection(collectionName).drop()
  await database.createCollection(collectionName, createOptions)
  if (documents.length > 0) await database.collection(collectionName).insertMany(structuredCopy(documents))
}

/** The driver adds an _id to what it inserts: the test's data must stay as it is. */
function structuredCopy(documents: readonly Json[]): Document[] {
  return documents.map((document) => ({ ...document }))
}

async function checkOutcome(client: MongoClient, { databaseName, collectionName, documents }: SpecData): Promise<void> {
  const found = await client.db(databaseName).collection(collectionName).find().sort({ _id: 1 }).toArray()
  match(documents, found, noEntities, '.outcome', false)
}

const noEntities: MatchContext = {
  entity: (name) => assert.fail(`there is no entity ${name}`),
  sessionLsid: (name) => assert.fail(`there is no session ${name}`),
}

class SpecRun implements MatchContext {
  readonly #uri: string
  readonly #own: MongoClient
  readonly #clients = new Map<string, ClientEntity>()
  readonly #entities = new Map<string, unknown>()
  readonly #sessions = new Map<string, ClientSession>()
  /** The driver forgets the id of a session that has ended. */
  readonly #lsids = new Map<string, unknown>()
  readonly #failPoints = new Set<string>()

  constructor(uri: string, own: MongoClient) {
    this.#uri = uri
    this.#own = own
  }

  entity(name: string): unknown {
    assert(this.#entities.has(name), `there is no entity ${name}`)
    return this.#entities.get(name)
  }

  sessionLsid(name: string): unknown {
    const session = this.#session(name)
    return this.#lsids.get(name) ?? session.id
  }

  async create(entity: Readonly<Record<string, Json>>): Promise<void> {
    const [[kind, spec]] = Object.entries(entity) as [[string, Json]]
    const id = spec['id'] as string
    if (kind === 'client') await this.#createClient(id, spec)
    else if (kind === 'database')
      this.#entities.set(
        id,
        this.#client(spec['client'] as string).db(spec['databaseName'] as string, optionsOf(spec['databaseOptions'])),
      )
    else if (kind === 'collection')
      this.#entities.set(
        id,
        (this.entity(spec['database'] as string) as Db).collection(
          spec['collectionName'] as string,
          optionsOf(spec['collectionOptions']),
        ),
      )
    else if (kind === 'bucket')
      this.#entities.set(
        id,
        new GridFSBucket(this.entity(spec['database'] as string) as Db, optionsOf(spec['bucketOptions'])),
      )
    else if (kind === 'session') {
      const session = this.#client(spec['client'] as string).startSession(sessionOptions(spec['sessionOptions']))
      this.#sessions.set(id, session)
      this.#lsids.set(id, session.id)
    } else assert.fail(`the runner does not know entities of the kind ${kind}`)
  }

  async #createClient(id: string, spec: Json): Promise<void> {
    const options: MongoClientOptions = {
      monitorCommands: true,
      // One that waits for a member that is not there need not wait long.
      serverSelectionTimeoutMS: 2000,
      ...(spec['uriOptions'] as MongoClientOptions | undefined),
      ...(spec['serverApi'] === undefined ? {} : { serverApi: spec['serverApi'] as never }),
    }
    const client = new MongoClient(withOptions(this.#uri, options), onlyDriverOptions(options))
    const events: Json[] = []
    const ignored = new Set([...silent, ...((spec['ignoreCommandMonitoringEvents'] as string[] | undefined) ?? [])])
    const observed = (spec['observeEvents'] as string[] | undefined) ?? []
    if (observed.includes('commandSucceededEvent'))
      client.on('commandSucceeded', ({ commandName, databaseName, reply }: CommandSucceededEvent) => {
        if (!ignored.has(commandName)) events.push({ commandSucceededEvent: { commandName, databaseName, reply } })
      })
    if (observed.includes('commandFailedEvent'))
      client.on('commandFailed', ({ commandName, databaseName, failure }: CommandFailedEvent) => {
        if (!ignored.has(commandName)) events.push({ commandFailedEvent: { commandName, databaseName, failure } })
      })
    if (observed.includes('commandStartedEvent'))
      client.on('commandStarted', ({ commandName, databaseName, command }: CommandStartedEvent) => {
        if (!ignored.has(commandName)) events.push({ commandStartedEvent: { commandName, databaseName, command } })
      })
    await client.connect()
    this.#clients.set(id, { client, events })
    this.#entities.set(id, client)
  }

  #session(id: string): ClientSession {
    const session = this.#sessions.get(id)
    assert(session !== undefined, `there is no session ${id}`)
    return session
  }

  #client(id: string): MongoClient {
    const entity = this.#clients.get(id)
    assert(entity !== undefined, `there is no client ${id}`)
    return entity.client
  }

  async perform(operation: SpecOperation): Promise<void> {
    let result: unknown
    try {
      result = await this.#run(operation)
    } catch (error) {
      if (operation.ignoreResultAndError === true) return
      if (operation.expectError === undefined) throw error
      this.#checkError(operation.expectError, error)
      return
    }
    if (operation.expectError !== undefined)
      assert.fail(`${operation.name} succeeded with ${JSON.stringify(result)}, but must fail`)
    if (operation.expectResult !== undefined) match(operation.expectResult, result, this, '.result')
    if (operation.saveResultAsEntity !== undefined) this.#entities.set(operation.saveResultAsEntity, result)
  }

  /** The operations of a transaction's callback: an error that is expected ends the callback all the same. */
  async #performCallback(operations: readonly SpecOperation[]): Promise<void> {
    for (const operation of operations) {
      if (operation.expectError === undefined) await this.perform(operation)
      else {
        const error: unknown = await this.#run(operation).then(
          () => assert.fail(`${operation.name} succeeded, but must fail`),
          (reason: unknown) => reason,
        )
        this.#checkError(operation.expectError, error)
        throw error
      }
    }
  }

  async #run({ name, object, arguments: given = {} }: SpecOperation): Promise<unknown> {
    if (object === 'testRunner') return this.#runnerOperation(name, given)
    const { session: named_, ...args } = given
    if (named_ !== undefined) args['session'] = this.#session(named_ as string)
    const session = this.#sessions.get(object)
    if (session !== undefined) {
      if (name === 'withTransaction')
        return session.withTransaction(
          () => this.#performCallback(given['callback'] as SpecOperation[]),
          transactionOptions(args),
        )
      return named(sessionOperations, name)(session, args)
    }
    const entity = this.entity(object)
    if (name === 'createChangeStream') return openedStream(entity as Collection, args)
    if (entity instanceof ChangeStream) return named(streamOperations, name)(entity, args)
    if (entity instanceof Collection) return named(collectionOperations, name)(entity, args)
    if (entity instanceof Db) return named(databaseOperations, name)(entity, withReadPreference(args))
    if (entity instanceof GridFSBucket) return named(bucketOperations, name)(entity, args)
    if (entity instanceof MongoClient) return named(clientOperations, name)(entity, args)
    return assert.fail(`the runner has no operations on ${object}`)
  }

  async #runnerOperation(name: string, args: Json): Promise<unknown> {
    if (name === 'failPoint' || name === 'targetedFailPoint') {
      const failPoint = args['failPoint'] as Document
      this.#failPoints.add(failPoint['configureFailPoint'] as string)
      await this.#own.db('admin').command(failPoint)
      return undefined
    }
    if (name === 'createEntities') {
      for (const entity of args['entities'] as Readonly<Record<string, Json>>[]) await this.create(entity)
      return undefined
    }
    const assertion = Object.hasOwn(sessionAssertions, name) ? sessionAssertions[name] : undefined
    if (assertion !== undefined) {
      assertion(this.#session(args['session'] as string), args)
      return undefined
    }
    if (name === 'assertSameLsidOnLastTwoCommands' || name === 'assertDifferentLsidOnLastTwoCommands') {
      const [first, second] = this.#clients
        .get(args['client'] as string)!
        .events.flatMap(({ commandStartedEvent }) => (commandStartedEvent === undefined ? [] : [commandStartedEvent]))
        .slice(-2)
        .map((event) => JSON.stringify(((event as Json)['command'] as Document)['lsid']))
      assert.equal(first === second, name === 'assertSameLsidOnLastTwoCommands')
      return undefined
    }
    if (name === 'assertIndexExists' || name === 'assertIndexNotExists') {
      const indexes = await this.#own
        .db(args['databaseName'] as string)
        .collection(args['collectionName'] as string)
        .listIndexes()
        .toArray()
        .catch(() => [])
      const found = indexes.some((index) => index['name'] === args['indexName'])
      assert.equal(found, name === 'assertIndexExists')
      return undefined
    }
    if (name === 'wait') {
      await setTimeout(args['ms'] as number)
      return undefined
    }
    if (name === 'assertCollectionExists' || name === 'assertCollectionNotExists') {
      const found = await this.#own
        .db(args['databaseName'] as string)
        .listCollections({ name: args['collectionName'] as string })
        .toArray()
      assert.equal(found.length, name === 'assertCollectionExists' ? 1 : 0)
      return undefined
    }
    return assert.fail(`the runner does not know the operation ${name}`)
  }

  #checkError(expected: Json, error: unknown): void {
    assert(error instanceof Error)
    // A bulk write that failed as a whole wraps what the server said.
    const cause = error instanceof MongoClientBulkWriteError ? error.cause : error
    const server = cause instanceof MongoServerError ? cause : error instanceof MongoServerError ? error : undefined
    const code = server?.code
    if (expected['isClientError'] === true && server !== undefined && !(error instanceof MongoClientBulkWriteError))
      throw error
    if (expected['isClientError'] === false && server === undefined) throw error
    if (expected['errorContains'] !== undefined)
      assert(
        error.message.toLowerCase().includes(String(expected['errorContains']).toLowerCase()),
        `'${error.message}' does not contain '${expected['errorContains']}'`,
      )
    if (expected['errorCode'] !== undefined) assert.equal(code, expected['errorCode'])
    if (expected['errorCodeName'] !== undefined) assert.equal(server?.codeName, expected['errorCodeName'])
    if (expected['errorResponse'] !== undefined)
      match(expected['errorResponse'], server?.errorResponse, this, '.errorResponse')
    for (const label of (expected['errorLabelsContain'] as string[] | undefined) ?? [])
      assert(
        [error, cause].some((each) => each instanceof MongoError && each.hasErrorLabel(label)),
        `the error '${error.message}' has no label ${label}`,
      )
    if (expected['expectResult'] !== undefined) match(expected['expectResult'], resultOf(error), this, '.expectResult')
    if (expected['writeErrors'] !== undefined && error instanceof MongoClientBulkWriteError)
      for (const [index, writeError] of Object.entries(expected['writeErrors'] as Json))
        match(writeError, error.writeErrors.get(Number(index)), this, `.writeErrors.${index}`)
  }

  checkEvents({ client, events, ignoreExtraEvents, eventType }: SpecEvents): void {
    if (eventType !== undefined && eventType !== 'command') return
    const seen = this.#clients.get(client)!.events
    assert(
      ignoreExtraEvents === true ? seen.length >= events.length : seen.length === events.length,
      `${events.length} events expected, seen: ${JSON.stringify(seen)}`,
    )
    for (const [i, expected] of events.entries()) {
      const [[kind, fields]] = Object.entries(expected) as [[string, Json]]
      const actual = seen[i]![kind] as Json | undefined
      assert(actual !== undefined, `event ${i} is no ${kind}`)
      for (const [name, value] of Object.entries(fields)) match(value, actual[name], this, `.events.${i}.${name}`)
    }
  }

  async close(): Promise<void> {
    for (const failPoint of this.#failPoints)
      await this.#own.db('admin').command({ configureFailPoint: failPoint, mode: 'off' })
    for (const session of this.#sessions.values()) await session.endSession()
    for (const { client } of this.#clients.values()) await client.close()
  }
}

function named<Run>(table: Readonly<Record<string, Run>>, name: string): Run {
  const run = Object.hasOwn(table, name) ? table[name] : undefined
  assert(run !== undefined, `the runner does not know the operation ${name}`)
  return run
}

function resultOf(error: unknown): unknown {
  if (error instanceof MongoBulkWriteError) return bulkResult(error.result)
  if (error instanceof MongoClientBulkWriteError)
    return error.partialResult === undefined ? undefined : clientBulkResult(error.partialResult)
  return undefined
}

function sessionOptions(options: unknown): Json {
  const given = (options as Json | undefined) ?? {}
  const transaction = given['defaultTransactionOptions'] as Json | undefined
  return transaction === undefined ? given : { ...given, defaultTransactionOptions: transactionOptions(transaction) }
}

/** What the tests ask of a session. `serverSession` is the driver's own, where it keeps whether the session may be used again. */
const sessionAssertions: Readonly<Record<string, (session: ClientSession, args: Json) => void>> = {
  assertSessionDirty: (session) => assert.equal(session.serverSession?.isDirty, true),
  assertSessionNotDirty: (session) => assert.notEqual(session.serverSession?.isDirty, true),
  assertSessionPinned: (session) => assert.equal(session.isPinned, true),
  assertSessionUnpinned: (session) => assert.equal(session.isPinned, false),
  assertSessionTransactionState: (session, args) => {
    const { state } = (session as unknown as { readonly transaction: { readonly state: string } }).transaction
    const expected = {
      none: 'NO_TRANSACTION',
      starting: 'STARTING_TRANSACTION',
      in_progress: 'TRANSACTION_IN_PROGRESS',
      committed: 'TRANSACTION_COMMITTED',
      aborted: 'TRANSACTION_ABORTED',
    }
    assert.equal(state, expected[args['state'] as keyof typeof expected])
  },
}

/** A stream that has been opened on the server, which the driver does when it is first asked for something. */
async function openedStream(entity: Collection | Db | MongoClient, args: Json): Promise<ChangeStream> {
  const { pipeline, ...options } = args
  const stream = entity.watch(pipeline as Document[], options)
  // Opened as the specification means it: without looking for an event, which would be a getMore. The driver has no public way.
  await (stream as unknown as { readonly cursor: { cursorInit(): Promise<void> } }).cursor.cursorInit()
  return stream
}

const streamOperations: Readonly<Record<string, (stream: ChangeStream, args: Json) => Promise<unknown>>> = {
  close: (stream) => stream.close(),
  iterateOnce: (stream) => stream.tryNext(),
  iterateUntilDocumentOrError: (stream) => stream.next(),
}

function optionsOf(options: unknown): Json {
  return withReadPreference((options as Json | undefined) ?? {})
}

function withReadPreference(options: Json): Json {
  const preference = options['readPreference'] as Json | undefined
  if (preference === undefined) return options
  return { ...options, readPreference: ReadPreference.fromOptions({ readPreference: preference as never }) }
}

/** Options that exist in connection strings only go there. */
function withOptions(uri: string, options: MongoClientOptions): string {
  const { w, readConcernLevel } = options as { w?: unknown; readConcernLevel?: unknown }
  const parameters = Object.entries({ w, readConcernLevel }).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${String(value)}`],
  )
  if (parameters.length === 0) return uri
  return `${uri}${uri.includes('?') ? '&' : uri.replace(/^mongodb:\/\//, '').includes('/') ? '?' : '/?'}${parameters.join('&')}`
}

function onlyDriverOptions(options: MongoClientOptions): MongoClientOptions {
  const {
    w: _w,
    readConcernLevel: _level,
    ...rest
  } = options as MongoClientOptions & { w?: unknown; readConcernLevel?: unknown }
  return rest
}
