/**
 * A server in a simulated world that loses power now and then, and clients of it that hear nothing more of what they had
 * asked when it does. It is the real command path: documents in, documents out.
 */
import { decodeDocument, encodeDocument } from '../bson/convert.ts'
import { ConnectionContext } from '../command/context.ts'
import { Database } from '../command/dispatch.ts'
import { Engine } from '../engine/engine.ts'
import type { EngineOptions } from '../engine/options.ts'
import { compileIndexFilter } from '../query/index-filter.ts'
import { type SimulatedWorld, simulatedWorld } from './world.ts'

export type Document = Record<string, unknown>

/** The server is gone: whether the command was done, nobody knows. */
export class ServerGone extends Error {
  override readonly name = 'ServerGone'
}

interface Life {
  readonly world: SimulatedWorld
  readonly database: Database
  /** Rejects with ServerGone when the life ends. */
  readonly end: Promise<never>
  readonly die: () => void
}

/** What the server of that life answers, unless it was gone by then: a dead one goes on working, but nobody hears of it. */
export function heard<Answer>({ end }: Pick<Life, 'end'>, answer: Answer | Promise<Answer>): Promise<Answer> {
  return Promise.race([end, answer])
}

export class SimulatedServer {
  readonly random: SimulatedWorld['random']
  readonly #options: Partial<EngineOptions>
  #life: Promise<Life>
  #lastConnectionId = 0
  /** Time of the lives before this one. */
  #eventCount = 0
  crashCount = 0

  constructor(seed: number, options: Partial<EngineOptions>) {
    const world = simulatedWorld(seed)
    this.random = world.random
    this.#options = options
    this.#life = this.#begin(world)
  }

  async #begin(world: SimulatedWorld): Promise<Life> {
    const engine = await Engine.open(world, 'data', { compileFilter: compileIndexFilter, ...this.#options })
    const database = new Database(engine, world, { version: 'simulated', replicaSet: { name: 'rs0' } })
    let die = (): void => undefined
    const end = new Promise<never>((_, reject) => {
      die = () => reject(new ServerGone('the server has lost power'))
    })
    // Nobody may be waiting when it dies.
    end.catch(() => undefined)
    return { world, database, end, die }
  }

  /** A moment in one order of all events, also across crashes. */
  tick(): number {
    return ++this.#eventCount
  }

  connect(): SimulatedConnection {
    return new SimulatedConnection(this, ++this.#lastConnectionId)
  }

  life(): Promise<Life> {
    return this.#life
  }

  /** Power is lost, and comes back: what was not synced may be gone. */
  async crash(): Promise<void> {
    const { world, die } = await this.#life
    this.crashCount++
    this.#life = this.#begin(world.crash())
    die()
    await this.#life
  }

  /** Lets simulated time pass; less of it when the server dies meanwhile. */
  async sleep(ms: number): Promise<void> {
    const { world, end } = await this.#life
    await Promise.race([world.clock.sleep(ms), end.catch(() => undefined)])
  }

  async stop(): Promise<void> {
    const { world, database } = await this.#life
    database.close()
    await database.engine.close()
    world.clock.stop()
  }
}

export class SimulatedConnection {
  readonly #server: SimulatedServer
  readonly #id: number
  #context: { readonly life: Life; readonly context: ConnectionContext } | undefined

  constructor(server: SimulatedServer, id: number) {
    this.#server = server
    this.#id = id
  }

  /** The reply, whatever it says. Rejects with ServerGone when the server dies before it. */
  async send(command: Document): Promise<Document> {
    const life = await this.#server.life()
    if (this.#context?.life !== life) {
      const context = new ConnectionContext({ connectionId: this.#id, remoteAddress: `client:${this.#id}` })
      life.database.connect(context)
      this.#context = { life, context }
    }
    const body = encodeDocument({ ...command, $db: command['$db'] ?? 'test' })
    const reply = life.database.dispatch(this.#context.context, { body, sequences: new Map(), replyExpected: true })
    return decodeDocument(await heard(life, reply))
  }
}
