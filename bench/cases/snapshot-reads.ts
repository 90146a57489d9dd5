/**
 * A reader of one snapshot and sixteen clients that transfer, on the one thread that both have. Two things are asked:
 *
 *  - whether they cost each other more than the thread's time: the reader comes every now and then, has little of the thread, and neither it
 *    nor the writers may become slower for what snapshots and versions are between them;
 *  - whether the thread is shared: the reader reads all the time, and what both get, each as a share of what it gets alone, is to
 *    add up to the whole, with nobody left out.
 */
import type { Results } from '../measure.ts'
import { type Account, accountCount, type Laura, newAccounts, transfersBy } from './bank.ts'

const clients = 16
const roundMs = 1500
const rounds = 4
/** From one read to the next of a reader that has little of the thread. */
const pauseMs = 100

const readWork = `snapshot read of ${accountCount.toLocaleString('en')} documents`
const writeWork = `transfer, durable, ${clients} clients`

const rest = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

interface Seen {
  /** How long a read took in each round, not counting what its answer waited for others to have their turn. */
  readonly readMs: number[]
  readsPerSecond: number
  transfersPerSecond: number
}

export async function snapshotReadCases(results: Results, laura: Laura): Promise<void> {
  const read = async (): Promise<void> => {
    const found = await laura.transaction((session) =>
      session.db('bank').collection<Account>('accounts').find().toArray(),
    )
    if (found.length !== accountCount) throw new Error('a snapshot has all accounts')
  }
  const kinds = {
    reader: { writes: false, pause: 0 },
    pacedReader: { writes: false, pause: pauseMs },
    writers: { writes: true, pause: undefined },
    writersAndPaced: { writes: true, pause: pauseMs },
    both: { writes: true, pause: 0 },
  } as const
  const seen = Object.fromEntries(
    Object.keys(kinds).map((name) => [name, { readMs: [], readsPerSecond: 0, transfersPerSecond: 0 }]),
  ) as unknown as Record<keyof typeof kinds, Seen>
  // In turn, so that a drift of the machine's speed meets all.
  for (let round = 0; round < rounds; round++) {
    for (const name of Object.keys(kinds) as (keyof typeof kinds)[]) {
      const { writes, pause } = kinds[name]
      await lookOn(laura, read, writes, pause, seen[name])
    }
  }
  report(results, seen)
  await besideNewerVersions(results, laura)
}

/** Adds what happens in `roundMs`, averaged over the rounds. `pause` undefined: nobody reads. */
async function lookOn(
  laura: Laura,
  read: () => Promise<void>,
  writes: boolean,
  pause: number | undefined,
  seen: Seen,
): Promise<void> {
  const writers = writes ? transfersBy(laura, clients) : undefined
  await rest(50)
  const before = writers?.done() ?? 0
  const workBefore = await readWorkMs(laura)
  const begin = performance.now()
  let reads = 0
  if (pause === undefined) await rest(roundMs)
  while (pause !== undefined && performance.now() - begin < roundMs) {
    await read()
    reads++
    if (pause > 0) await rest(pause)
  }
  const seconds = (performance.now() - begin) / 1000
  if (reads > 0) seen.readMs.push(((await readWorkMs(laura)) - workBefore) / reads)
  seen.readsPerSecond += reads / seconds / rounds
  seen.transfersPerSecond += ((writers?.done() ?? 0) - before) / seconds / rounds
  await writers?.stop()
}

/** What reads have taken in sum, as serverStatus has it; those of one document by `_id` take too little to be timed. */
async function readWorkMs(laura: Laura): Promise<number> {
  const { opLatencies } = await laura.db('admin').command({ serverStatus: 1 })
  return Number((opLatencies as { reads: { latency: unknown } }).reads.latency) / 1000
}

function report(results: Results, seen: Readonly<Record<string, Seen>>): void {
  const { reader, pacedReader, writers, writersAndPaced, both } = seen as Record<string, Seen>
  const aloneMs = median(pacedReader!.readMs)
  const besideMs = median(writersAndPaced!.readMs)
  results.add({ work: readWork, engine: 'lauradb, now and then', value: aloneMs, unit: 'ms' })
  results.add({ work: readWork, engine: 'lauradb, beside 16 writers', value: besideMs, unit: 'ms' })
  results.ratio(readWork, 'alone / beside 16 writers', aloneMs / besideMs, '0.9')
  const alone = results.rate(writeWork, 'lauradb, no reader', writers!.transfersPerSecond, 1)
  const beside = results.rate(writeWork, 'lauradb, a read now and then', writersAndPaced!.transfersPerSecond, 1)
  results.ratio(writeWork, 'beside the reader / alone', beside / alone, '0.9')
  const readShare = both!.readsPerSecond / reader!.readsPerSecond
  const writeShare = both!.transfersPerSecond / writers!.transfersPerSecond
  const work = 'one reads, 16 write, all the time'
  results.add({ work, engine: 'reads, of those alone', value: readShare, unit: 'x' })
  results.add({ work, engine: 'transfers, of those alone', value: writeShare, unit: 'x' })
  results.ratio(work, 'sum of the shares', readShare + writeShare, '0.9')
}

/** A reader whose snapshot is held while others write newer versions of a fifth of the documents, beside one of documents left alone. */
async function besideNewerVersions(results: Results, laura: Laura): Promise<void> {
  const bank = laura.db('bank')
  await bank.collection<Account>('still').insertMany(newAccounts())
  await laura.transaction(async (session) => {
    const newer = accountCount / 5
    const ms: Record<'still' | 'accounts', number[]> = { still: [], accounts: [] }
    const read = async (name: 'still' | 'accounts'): Promise<void> => {
      const begin = performance.now()
      await session.db('bank').collection<Account>(name).find().toArray()
      ms[name].push(performance.now() - begin)
    }
    await read('accounts')
    for (let i = 0; i < newer; i += 50) {
      const updates = Array.from({ length: 50 }, (_, k) => ({
        updateOne: { filter: { _id: (i + k) * 5 }, update: { $inc: { balance: 1 } } },
      }))
      await bank.collection<Account>('accounts').bulkWrite(updates)
    }
    for (let i = 0; i < 20; i++) await read(i % 2 === 0 ? 'still' : 'accounts')
    ms.still = []
    ms.accounts = []
    for (let i = 0; i < 200; i++) await read(i % 2 === 0 ? 'still' : 'accounts')
    results.add({ work: readWork, engine: 'lauradb, 2,000 newer versions', value: median(ms.accounts), unit: 'ms' })
    results.ratio(readWork, 'left alone / newer versions', median(ms.still) / median(ms.accounts), '0.9')
  })
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >>> 1] ?? Number.NaN
}
