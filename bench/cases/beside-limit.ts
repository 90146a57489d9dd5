/** A door beside a server of the same framework that does nothing: both are started, loaded in turn and gone afterwards; idle connections. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Results } from '../measure.ts'
import { residentMegabytes } from './life.ts'
import type { Load, Server } from './processes.ts'

const rounds = 3
const idleConnections = 1000

/** Runs `measure` with a server on a folder of its own; what `beside` starts ends with it. */
export async function withServer<Started extends Server>(
  directory: string,
  prefix: string,
  start: (home: string) => Promise<Started>,
  measure: (server: Started, beside: (limit: Promise<Server>) => Promise<Server>) => Promise<void>,
): Promise<void> {
  mkdirSync(directory, { recursive: true })
  const home = mkdtempSync(join(directory, prefix))
  const server = await start(home)
  const others: Server[] = []
  try {
    await measure(server, async (starting) => {
      const limit = await starting
      others.push(limit)
      return limit
    })
  } finally {
    for (const { process } of others) process.kill()
    server.process.kill()
    await server.ended
    rmSync(home, { recursive: true, force: true })
  }
}

export interface Limit {
  /** As it is called in a row of its own, and in the row of the ratio. */
  readonly engine: string
  readonly shortName: string
  /** The ratio that has to be reached. */
  readonly least: string
  load(): Promise<Load>
}

/** The best rates of several rounds in which both have their turns, and their ratio. */
export async function besideLimit(
  results: Results,
  work: string,
  limit: Limit,
  load: () => Promise<Load>,
): Promise<void> {
  let most = 0
  let rate = 0
  for (let round = 0; round < rounds; round++) {
    most = Math.max(most, (await limit.load()).perSecond)
    rate = Math.max(rate, (await load()).perSecond)
  }
  results.rate(work, limit.engine, most, 1)
  results.rate(work, 'lauradb', rate, 1)
  results.ratio(work, `lauradb / ${limit.shortName}`, rate / most, limit.least)
}

/** Memory that connections take which do nothing. `open` resolves when the n-th has been answered, with what closes it. */
export async function idleMemory(
  results: Results,
  server: Server,
  what: string,
  open: (n: number) => Promise<() => void>,
): Promise<void> {
  const before = residentMegabytes(server.process.pid!)
  const closers: (() => void)[] = []
  for (let n = 0; n < idleConnections; n++) closers.push(await open(n))
  results.add({
    work: `${idleConnections} idle ${what}`,
    engine: 'lauradb',
    value: residentMegabytes(server.process.pid!) - before,
    unit: 'MB',
    target: 'under 200',
  })
  for (const close of closers) close()
}
