/**
 * Crashes the database at random moments until the time is up, or until a recovery gives what it should not:
 *
 *   npm run soak -- --minutes 10 --seed 12345 --only crash,kill,history,driver,log,doors,wire,rest,graphql,grpc
 *
 *   crash   the engine on the simulated disk loses power at a random sample of its disk operations
 *   kill    the real server is killed under eight clients; --kills N: that many times, however long it takes
 *   history clients in transactions, with retryable writes and snapshot reads, on a simulated server that loses power, judged by
 *           checkers of isolation and linearizability; --histories N: that many seeds of each workload, however long it takes
 *   driver  the same with the official driver and a real server that is killed
 *   log     the log alone, with failing disk operations beside the crashes
 *   doors   the same random operations through every door give the same answers and the same data
 *   wire, rest, graphql, grpc: malformed requests to that door of a server; --fuzz N: that many; --hang-ms N: the longest that one
 *           turn of its event loop may compute meanwhile
 *
 * Without --seed the first one is random; without --minutes it is one. The kinds take turns. A failure says what to repeat, which
 * belongs into a test then; exit code 1.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { EngineOptions } from '../pkg/engine/options.ts'
import { countOperations, crashRun } from '../pkg/sim/crash-run.ts'
import { smallEngine } from '../pkg/sim/engine-workload.ts'
import { historyRun, workloadNames } from '../pkg/sim/history-run.ts'
import { SeededRandom } from '../pkg/sim/random.ts'
import { runDoors } from '../server/e2e/doors-world.ts'
import type { Choices, Fuzz } from '../server/e2e/fuzz.ts'
import { GrpcFuzz } from '../server/e2e/grpc-fuzz.ts'
import { GraphqlFuzz, RestFuzz } from '../server/e2e/http-fuzz.ts'
import { KillRun } from '../server/e2e/kill-run.ts'
import { ServerProbe } from '../server/e2e/server-probe.ts'
import { DriverHistory } from '../server/e2e/testdata/driver-history.ts'
import { WireFuzz } from '../server/e2e/wire-fuzz.ts'
import { LauraServer, loggedErrors } from '../server/laura-process.ts'

const crashesPerSeed = 40
const killsPerSeed = 10
const seedsPerHistoryTurn = 10
/** As many as the test of the log runs from its first seed. */
const seedsPerLogTest = 120
const operationsPerDoors = 1500
const requestsPerSeed = 4000
/** Of what is left when garbage is collected: caches fill. A leak of 300 bytes a request would be more. */
const growthMax = 24 * 2 ** 20
const reportEveryMs = 30_000

interface Kind {
  /** One seed's work; throws what is wrong. */
  run(seed: number): Promise<void>
  /** There is more to do than the time allows. */
  readonly unfinished: boolean
  report(): string
}

class Crashes implements Kind {
  readonly unfinished = false
  #seeds = 0
  #crashes = 0
  #images = 0
  #secondCrashes = 0

  async run(seed: number): Promise<void> {
    const random = new SeededRandom(seed)
    // The longer the soak runs the longer are its workloads.
    const steps = 30 + random.integer(Math.min(3000, 300 + 10 * this.#seeds))
    const options = { steps, images: 1 + random.integer(12), engine: engineOptions(random) }
    const operations = await countOperations(seed, options)
    for (let n = 0; n < crashesPerSeed && Date.now() < endMs; n++) {
      const at = 1 + random.integer(operations)
      try {
        const result = await crashRun(seed, at, options)
        this.#crashes++
        this.#images += result.images
        this.#secondCrashes += result.secondCrashes
      } catch (error) {
        throw new Error(`crashRun(${seed}, ${at}, ${JSON.stringify(options)})`, { cause: error })
      }
    }
    this.#seeds++
  }

  report(): string {
    const again = `${this.#secondCrashes} crashed a second time`
    return `crash: ${this.#seeds} workloads, ${this.#crashes} crashes, ${this.#images} recoveries (${again})`
  }
}

function engineOptions(random: SeededRandom): Partial<EngineOptions> {
  const one = <T>(...choices: readonly T[]): T => choices[random.integer(choices.length)]!
  const pageSizeBytes = one(1024, 4096, 4096, 16_384)
  return {
    ...smallEngine,
    pageSizeBytes,
    cacheSizeBytes: pageSizeBytes * one(64, 128, 1024),
    compression: one<'none' | 'zstd'>('none', 'zstd'),
    logSegmentBytes: one(4096, 16_384, 131_072),
    checkpointLogBytes: one(3000, 12_000, 200_000),
    checkpointIntervalMs: one(10, 40, 1_000_000),
    historyWindowMs: one(0, 0, 50),
    commitSliceEntries: one(1, 2, 1000),
  }
}

class Histories implements Kind {
  #seeds = 0
  #committed = 0
  #crashes = 0
  readonly #wanted: number

  constructor(wanted: number) {
    this.#wanted = wanted
  }

  get unfinished(): boolean {
    return this.#seeds < this.#wanted
  }

  async run(seed: number): Promise<void> {
    for (let n = 0; n < seedsPerHistoryTurn && (this.unfinished || Date.now() < endMs); n++) {
      for (const name of workloadNames) {
        // Far from the seeds of the tests.
        const { committed, crashes } = await historyRun(name, seed * seedsPerHistoryTurn + n)
        this.#committed += committed
        this.#crashes += crashes
      }
      this.#seeds++
    }
  }

  report(): string {
    const what = `${this.#committed} pieces of work done, ${this.#crashes} crashes`
    return `history: ${this.#seeds} seeds of ${workloadNames.length} workloads, ${what}`
  }
}

class DriverHistories implements Kind {
  readonly unfinished = false
  #seeds = 0
  #committed = 0
  #kills = 0

  async run(seed: number): Promise<void> {
    const dir = mkdtempSync(join(tmpdir(), 'laura-soak-'))
    try {
      const { committed, kills } = await new DriverHistory(dir, new SeededRandom(seed)).run(100, 4)
      this.#committed += committed
      this.#kills += kills
      this.#seeds++
    } catch (error) {
      throw new Error(`a history of the driver with seed ${seed}; the directory is left in ${dir}`, { cause: error })
    }
    rmSync(dir, { recursive: true, force: true })
  }

  report(): string {
    return `driver: ${this.#seeds} histories, ${this.#committed} pieces of work done, ${this.#kills} kills`
  }
}

class Doors implements Kind {
  readonly unfinished = false
  #seeds = 0
  #operations = 0

  async run(seed: number): Promise<void> {
    const { outcomes, states } = await runDoors(new SeededRandom(seed), operationsPerDoors)
    const [first, ...others] = states
    const different = others.filter(([, state]) => state !== first![1]).map(([name]) => name)
    if (different.length > 0) throw new Error(`operations with seed ${seed}: ${first![0]} is not ${different.join()}`)
    for (const count of outcomes.values()) this.#operations += count
    this.#seeds++
  }

  report(): string {
    return `doors: ${this.#seeds} seeds, ${this.#operations} operations through every door`
  }
}

class Kills implements Kind {
  #cycles = 0
  #acknowledged = 0
  #underWay = 0
  #survived = 0
  readonly #wanted: number

  constructor(wanted: number) {
    this.#wanted = wanted
  }

  get unfinished(): boolean {
    return this.#cycles < this.#wanted
  }

  async run(seed: number): Promise<void> {
    const dir = mkdtempSync(join(tmpdir(), 'laura-soak-'))
    const run = new KillRun(dir, new SeededRandom(seed))
    try {
      for (let n = 0; n < killsPerSeed && (this.unfinished || Date.now() < endMs); n++) {
        await run.cycle()
        this.#cycles++
      }
      await run.finish()
    } catch (error) {
      throw new Error(`kill cycles with seed ${seed}; the directory is left in ${dir}`, { cause: error })
    }
    rmSync(dir, { recursive: true, force: true })
    this.#acknowledged += run.report.acknowledged
    this.#underWay += run.report.underWay
    this.#survived += run.report.survived
  }

  report(): string {
    const cut = `${this.#underWay} cut off, of which ${this.#survived} had reached the disk`
    return `kill: ${this.#cycles} kills, ${this.#acknowledged} requests acknowledged (${cut})`
  }
}

const fuzzers: Readonly<Record<string, (server: LauraServer, random: Choices) => Fuzz>> = {
  wire: ({ mongoUri }, random) => new WireFuzz(portOf(mongoUri), random),
  rest: ({ httpUri }, random) => new RestFuzz(httpUri, random),
  graphql: ({ httpUri }, random) => new GraphqlFuzz(httpUri, random),
  grpc: ({ grpcUri }, random) => new GrpcFuzz(portOf(grpcUri), random),
}

function portOf(uri: string): number {
  return Number(new URL(uri).port)
}

class MalformedRequests implements Kind {
  readonly #door: string
  #requests = 0
  #longestPingMs = 0
  #longestTurnMs = 0
  #longestHeldMs = 0
  #growth = 0
  readonly #wanted: number
  readonly #hangMs: number

  constructor(door: string, wanted: number, hangMs: number) {
    this.#door = door
    this.#wanted = wanted
    this.#hangMs = hangMs
  }

  get unfinished(): boolean {
    return this.#requests < this.#wanted
  }

  async run(seed: number): Promise<void> {
    const dir = mkdtempSync(join(tmpdir(), 'laura-soak-'))
    const probe = new ServerProbe(join(dir, 'probe'))
    const server = await LauraServer.start(join(dir, 'data'), [], probe.nodeArgs)
    const beginMs = Date.now()
    const fuzz = fuzzers[this.#door]!(server, new SeededRandom(seed))
    const count = Math.max(requestsPerSeed, this.#wanted - this.#requests)
    const what = `${this.#door} requests with seed ${seed}, ${count} of them`
    try {
      // What the first ones make it load and cache is no growth.
      await fuzz.run(count / 4)
      const before = await probe.heldBytes(server.process)
      await fuzz.run((count * 3) / 4)
      this.#growth = Math.max(this.#growth, (await probe.heldBytes(server.process)) - before)
    } catch (error) {
      server.process.kill('SIGKILL')
      throw new Error(what, { cause: error })
    } finally {
      fuzz.close()
    }
    const longest = probe.longTurns(beginMs, Date.now())
    const { code, stderr } = await server.stop()
    rmSync(dir, { recursive: true, force: true })
    this.#longestTurnMs = Math.max(this.#longestTurnMs, longest[0]?.cpuMs ?? 0)
    this.#longestHeldMs = Math.max(this.#longestHeldMs, ...longest.map(({ heldMs }) => heldMs))
    this.#requests += fuzz.report.requests
    this.#longestPingMs = Math.max(this.#longestPingMs, fuzz.report.longestPingMs)
    if (code !== 0 || loggedErrors(stderr).length > 0) throw new Error(`${what}: ended with ${code}\n${stderr}`)
    if (this.#growth > growthMax) throw new Error(`${what}: memory grew by ${this.#growth} bytes`)
    if (this.#longestTurnMs > this.#hangMs) throw new Error(`${what}: ${JSON.stringify(longest.slice(0, 10))}`)
  }

  report(): string {
    const growth = `memory grew by ${(this.#growth / 2 ** 20).toFixed(0)} MB`
    const held = `${this.#longestTurnMs.toFixed(0)} ms of computing, ${this.#longestHeldMs.toFixed(0)} ms with waits for the disk`
    const turn = `longest turn of the event loop ${held}`
    return `${this.#door}: ${this.#requests} malformed requests, ${turn}, longest ping ${this.#longestPingMs.toFixed(0)} ms, ${growth}`
  }
}

class Logs implements Kind {
  readonly unfinished = false
  #seeds = 0

  async run(seed: number): Promise<void> {
    const { status, stdout, stderr } = spawnSync('vitest', ['run', 'pkg/storage/log-crash.test.ts', '-t', 'random'], {
      env: { ...process.env, LAURA_SEED: String(seed) },
      encoding: 'utf8',
      shell: process.platform === 'win32',
    })
    if (status !== 0) throw new Error(`LAURA_SEED=${seed} vitest run pkg/storage/log-crash.test.ts\n${stdout}${stderr}`)
    this.#seeds += seedsPerLogTest
  }

  report(): string {
    return `log: ${this.#seeds} workloads of eight lives each`
  }
}

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string' },
    only: { type: 'string', default: 'crash,kill,history,driver,log,doors,wire,rest,graphql,grpc' },
    kills: { type: 'string', default: '0' },
    histories: { type: 'string', default: '0' },
    fuzz: { type: 'string', default: '0' },
    'hang-ms': { type: 'string', default: '100' },
  },
})
const firstSeed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
const endMs = Date.now() + Number(values.minutes) * 60_000
const makers: Readonly<Record<string, () => Kind>> = {
  crash: () => new Crashes(),
  kill: () => new Kills(Number(values.kills)),
  ...Object.fromEntries(
    Object.keys(fuzzers).map((door) => [
      door,
      () => new MalformedRequests(door, Number(values.fuzz), Number(values['hang-ms'])),
    ]),
  ),
  history: () => new Histories(Number(values.histories)),
  driver: () => new DriverHistories(),
  log: () => new Logs(),
  doors: () => new Doors(),
}
const kinds = values.only.split(',').map((name) => {
  const make = Object.hasOwn(makers, name) ? makers[name] : undefined
  if (make === undefined) throw new Error(`--only ${name}: there are ${Object.keys(makers).join(', ')}`)
  return make()
})
const counts = [values.kills, values.histories, values.fuzz, values['hang-ms']].map(Number)
if (![firstSeed, endMs, ...counts].every(Number.isFinite)) {
  throw new Error('--seed, --minutes, --kills, --histories, --fuzz and --hang-ms take numbers')
}

function report(): void {
  for (const kind of kinds) process.stdout.write(`${kind.report()}\n`)
}

process.stdout.write(`seed ${firstSeed}\n`)
let seed = firstSeed
let reportedMs = Date.now()
try {
  while (Date.now() < endMs || kinds.some((kind) => kind.unfinished)) {
    for (const kind of kinds) if (Date.now() < endMs || kind.unfinished) await kind.run(seed)
    seed += kinds.some((kind) => kind instanceof Logs) ? seedsPerLogTest : 1
    if (Date.now() - reportedMs < reportEveryMs) continue
    reportedMs = Date.now()
    report()
  }
  report()
  process.stdout.write('all correct\n')
} catch (error) {
  report()
  process.stderr.write(`FAILED, seed ${seed}: `)
  console.error(error)
  // What failed may have left a simulated clock that still ticks.
  process.exit(1)
}
