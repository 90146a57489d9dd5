/**
 * Kill cycles: eight clients write to a real server at once, the server is killed without warning, and what the next one finds is
 * compared with what the clients were told.
 *
 * Each client owns its keys and has one request under way, so that what a key may hold is known exactly: what the
 * last acknowledged request left, or what the one under way would have left. All fields of a document follow from its key and
 * counter, so that a mixture of two versions shows.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Collection, MongoClient } from 'mongodb'
import type { Random } from '../../pkg/io/random.ts'
import { LauraServer, laura } from '../laura-process.ts'

const clientCount = 8
const keysPerClient = 40
const lifeMsMax = 500

interface Counted {
  readonly _id: string
  readonly counter: number
  /** Follows from key and counter. */
  readonly group: number
  /** Follows from key and counter. */
  readonly text: string
}

function document(_id: string, counter: number): Counted {
  const length = (counter * 37) % 400
  return { _id, counter, group: counter % 7, text: `${_id}/${counter}/`.repeat(1 + length).slice(0, length) }
}

/** Counter by key; a key that is not there has no document. */
type Contents = Map<string, number>

interface ClientState {
  readonly acknowledged: Contents
  /** What the request under way would leave of the keys it touches; undefined: no document. */
  underWay: ReadonlyMap<string, number | undefined> | undefined
}

export interface KillReport {
  readonly cycles: number
  /** Requests that were answered. */
  readonly acknowledged: number
  /** Requests that were under way at a kill. */
  readonly underWay: number
  /** Of those, how many had reached the disk. */
  readonly survived: number
}

export class KillRun {
  readonly #dir: string
  readonly #random: Random
  readonly #clients: ClientState[] = Array.from({ length: clientCount }, () => ({
    acknowledged: new Map(),
    underWay: undefined,
  }))
  #cycles = 0
  #acknowledged = 0
  #underWay = 0
  #survived = 0

  /** `dir`: of the database; it need not exist. */
  constructor(dir: string, random: Random) {
    this.#dir = dir
    this.#random = random
  }

  get report(): KillReport {
    return {
      cycles: this.#cycles,
      acknowledged: this.#acknowledged,
      underWay: this.#underWay,
      survived: this.#survived,
    }
  }

  /**
   * Starts the server, compares what it has, writes, kills it at a random moment, and has `laura check` walk the directory.
   * Throws an Error that says what is wrong.
   */
  async cycle(): Promise<void> {
    const server = await this.#start()
    try {
      await this.#verify(server)
      await this.#writeUntilKilled(server)
    } finally {
      server.process.kill('SIGKILL')
      await server.finished
    }
    this.#cycles++
    // Every other time the next server recovers the directory itself.
    if (this.#below(2) === 0) await this.check()
  }

  /** What the directory has after the last cycle, and that everything in it fits together. */
  async finish(): Promise<void> {
    const server = await this.#start()
    await this.#verify(server)
    const { code, stderr } = await server.stop()
    if (code !== 0) throw new Error(`the server ended with ${code}: ${stderr}`)
    await this.check()
  }

  async check(): Promise<void> {
    const { code, stdout, stderr } = await laura(['check', this.#dir])
    if (code !== 0) throw new Error(`laura check: ${stdout}${stderr}`)
  }

  #start(): Promise<LauraServer> {
    const compression = this.#below(2) === 0 ? 'zstd' : 'none'
    return LauraServer.start(this.#dir, ['--cache-size', '8MB', '--page-compression', compression])
  }

  async #verify(server: LauraServer): Promise<void> {
    const client = await new MongoClient(server.mongoUri).connect()
    try {
      const found = await client.db('kill').collection<Counted>('counted').find().toArray()
      this.#compare(found)
    } finally {
      await client.close()
    }
  }

  /** Compares, and takes what is there as acknowledged from here on: it must not be lost any more. */
  #compare(found: readonly Counted[]): void {
    const counters: Contents = new Map()
    for (const each of found) {
      const expected = document(each._id, each.counter)
      if (JSON.stringify(each) !== JSON.stringify(expected)) {
        throw new Error(`found ${JSON.stringify(each)}, which is no version of ${each._id}`)
      }
      counters.set(each._id, each.counter)
    }
    if (counters.size !== found.length) throw new Error('a key was found twice')
    for (const client of this.#clients) {
      const { acknowledged, underWay = new Map<string, undefined>() } = client
      let survived = false
      for (const key of new Set([...acknowledged.keys(), ...underWay.keys()])) {
        const counter = counters.get(key)
        const before = acknowledged.get(key)
        counters.delete(key)
        if (counter === before) continue
        if (!underWay.has(key) || counter !== underWay.get(key)) {
          const might = underWay.has(key) ? ` or ${underWay.get(key)}` : ''
          throw new Error(`${key} has counter ${counter} instead of ${before}${might}`)
        }
        survived = true
        if (counter === undefined) acknowledged.delete(key)
        else acknowledged.set(key, counter)
      }
      if (survived) this.#survived++
      client.underWay = undefined
    }
    if (counters.size > 0) throw new Error(`found ${[...counters.keys()].join(', ')}, which nobody wrote`)
  }

  async #writeUntilKilled(server: LauraServer): Promise<void> {
    // A client whose monitor has seen the server go waits this long for another one before it gives up.
    const options = { maxPoolSize: 1, serverSelectionTimeoutMS: 1000 }
    const drivers = this.#clients.map(() => new MongoClient(server.mongoUri, options))
    const admin = new MongoClient(server.mongoUri, options)
    const alive = { now: true }
    try {
      await Promise.all([...drivers, admin].map((driver) => driver.connect()))
      await admin.db('kill').collection<Counted>('counted').createIndex({ group: 1 })
      const work = this.#clients.map((client, at) => {
        const collection = drivers[at]!.db('kill').collection<Counted>('counted')
        return this.#write(client, `client ${at}`, collection, alive)
      })
      const checkpoints = this.#checkpoint(admin, alive)
      await sleep(this.#below(lifeMsMax))
      alive.now = false
      server.process.kill('SIGKILL')
      await server.finished
      await Promise.all([...work, checkpoints])
    } finally {
      await Promise.all([...drivers, admin].map((driver) => driver.close(true)))
    }
  }

  /** One request after the other until the server is gone. */
  async #write(client: ClientState, name: string, collection: Collection<Counted>, alive: { now: boolean }) {
    for (;;) {
      const { changes, send } = this.#request(client, name, collection)
      client.underWay = changes
      try {
        await send()
      } catch (error) {
        if (alive.now) throw error
        this.#underWay++
        return
      }
      for (const [key, counter] of changes) {
        if (counter === undefined) client.acknowledged.delete(key)
        else client.acknowledged.set(key, counter)
      }
      client.underWay = undefined
      this.#acknowledged++
    }
  }

  #request(client: ClientState, name: string, collection: Collection<Counted>) {
    const free = (): string => {
      for (;;) {
        const key = `${name}, ${this.#below(2 * keysPerClient)}`
        if (!client.acknowledged.has(key)) return key
      }
    }
    const used = [...client.acknowledged.keys()]
    const key = used[this.#below(used.length)]
    const draw = this.#below(10)
    if (key === undefined || (draw < 3 && used.length < keysPerClient)) {
      const keys = [...new Set(Array.from({ length: draw === 0 ? 5 : 1 }, free))]
      const documents = keys.map((each) => document(each, this.#below(1000)))
      return {
        changes: new Map(documents.map(({ _id, counter }) => [_id, counter])),
        send: () => collection.insertMany(documents),
      }
    }
    if (draw < 5) {
      return { changes: new Map([[key, undefined]]), send: () => collection.deleteOne({ _id: key }) }
    }
    const next = document(key, client.acknowledged.get(key)! + 1)
    const { _id, ...fields } = next
    const { counter, ...rest } = fields
    const send =
      draw < 7
        ? () => collection.replaceOne({ _id }, fields)
        : () => collection.updateOne({ _id }, { $inc: { counter: 1 }, $set: rest })
    return { changes: new Map([[key, counter]]), send }
  }

  /** Checkpoints now and then, so that kills find them half done, too. */
  async #checkpoint(admin: MongoClient, alive: { now: boolean }): Promise<void> {
    while (alive.now) {
      try {
        await sleep(this.#below(150))
        await admin.db('admin').command({ fsync: 1 })
      } catch (error) {
        if (alive.now) throw error
      }
    }
  }

  #below(limit: number): number {
    return Math.floor(this.#random.next() * limit)
  }
}
