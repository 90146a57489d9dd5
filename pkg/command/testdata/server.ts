/** A database over a simulated world, talked to in documents. */
import { decodeDocument, encodeDocument } from '../../bson/convert.ts'
import { Engine } from '../../engine/engine.ts'
import type { EngineOptions } from '../../engine/options.ts'
import { compileIndexFilter } from '../../query/index-filter.ts'
import type { Clock } from '../../io/clock.ts'
import { type SimulatedWorld, simulatedWorld } from '../../sim/world.ts'
import { ConnectionContext } from '../context.ts'
import { type DatabaseOptions } from '../instance.ts'
import { Database } from '../dispatch.ts'

type Document = Record<string, unknown>

export interface TestServer {
  readonly world: SimulatedWorld
  readonly engine: Engine
  readonly database: Database
  readonly context: ConnectionContext
  /** The reply, whatever it says. `sequences`: documents in sections of their own. */
  reply(command: Document, sequences?: Readonly<Record<string, readonly Document[]>>): Promise<Document>
  /** The reply of a command that must succeed; throws its errmsg otherwise. */
  run(command: Document, sequences?: Readonly<Record<string, readonly Document[]>>): Promise<Document>
  /** The same over another connection. */
  connect(connectionId: number): TestServer
  /** The documents of a find and all its getMores. */
  all(command: Document): Promise<Document[]>
}

export interface ServerOptions extends Partial<DatabaseOptions> {
  readonly seed?: number
  readonly engine?: Partial<EngineOptions>
  /** Opens what is on this world's disk, instead of a new one. */
  readonly world?: SimulatedWorld
  /** Every look at the clock takes so long: long work pauses after a few steps. */
  readonly tickMs?: number
}

export async function openServer({
  seed = 1,
  world: given,
  tickMs = 0,
  engine: engineOptions,
  ...options
}: ServerOptions = {}): Promise<TestServer> {
  const simulated = given ?? simulatedWorld(seed)
  const engine = await Engine.open(simulated, 'data', { compileFilter: compileIndexFilter, ...engineOptions })
  const world = tickMs === 0 ? simulated : { ...simulated, clock: tickingClock(simulated, tickMs) }
  const database = new Database(engine, world, { version: 'test', ...options })
  return serverOver(simulated, engine, database, 1)
}

function serverOver(world: SimulatedWorld, engine: Engine, database: Database, connectionId: number): TestServer {
  const context = new ConnectionContext({ connectionId, remoteAddress: `127.0.0.1:${50_000 + connectionId}` })
  database.connect(context)
  const server: TestServer = {
    world,
    engine,
    database,
    context,
    async reply(command, sequences = {}) {
      const body = encodeDocument('$db' in command ? command : { ...command, $db: 'test' })
      const sections = new Map(Object.entries(sequences).map(([name, documents]) => [name, documents.map(encodeDocument)]))
      const reply = await database.dispatch(context, { body, sequences: sections, replyExpected: true })
      return decodeDocument(reply)
    },
    async run(command, sequences) {
      const reply = await server.reply(command, sequences)
      if (reply['ok'] !== 1) throw new Error(`${reply['codeName']}: ${reply['errmsg']}`)
      return reply
    },
    connect: (id) => serverOver(world, engine, database, id),
    async all(command) {
      const first = (await server.run(command))['cursor'] as { firstBatch: Document[]; id: bigint | number; ns: string }
      const documents = [...first.firstBatch]
      const collection = first.ns.slice(first.ns.indexOf('.') + 1)
      let id = BigInt(first.id.toString())
      while (id !== 0n) {
        const { cursor } = (await server.run({ getMore: id, collection })) as {
          cursor: { nextBatch: Document[]; id: bigint | number }
        }
        documents.push(...cursor.nextBatch)
        id = BigInt(cursor.id.toString())
      }
      return documents
    },
  }
  return server
}

export function tickingClock({ clock }: SimulatedWorld, tickMs: number): Clock {
  return {
    nowMs: () => clock.nowMs(),
    monotonicMs: () => {
      clock.elapse(tickMs)
      return clock.monotonicMs()
    },
    idleMs: () => clock.idleMs(),
    setTimer: (delayMs, action) => clock.setTimer(delayMs, action),
    defer: (action) => clock.defer(action),
    yield: () => clock.yield(),
  }
}

/** Lets others run until `condition` holds; fails when they have run very often. */
export async function until({ world }: TestServer, condition: () => boolean): Promise<void> {
  for (let yields = 0; !condition(); yields++) {
    if (yields === 20_000) throw new Error('what is waited for does not come')
    await world.clock.yield()
  }
}
