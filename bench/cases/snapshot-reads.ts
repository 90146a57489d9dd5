/**
 * A reader of one snapshot and sixteen clients that transfer, on the one thread that both have. A read can cost the writers nothing only
 * beyond the time it takes, so what is compared is processor time:
 *
 *  - a reader that comes now and then: what a transfer costs beside it, once the reads are taken off, and what a read takes;
 *  - a reader that reads all the time: what both get, each priced at what it costs alone, is to be all of the time, with nobody left out;
 *  - a reader whose snapshot has newer versions over it, beside one of documents that were left alone.
 *
 * A reader that is alone reads what vacuum has passed over: what writers have left is part of what they cost a reader. It is not cleared away before
 * those that read beside writers, and while they do vacuum rests.
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
  seconds: number
  reads: number
  transfers: number
  /** Of this thread's processor time. */
  processorMs: number
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
    Object.keys(kinds).map((name) => [name, { readMs: [], seconds: 0, reads: 0, transfers: 0, processorMs: 0 }]),
  ) as unknown as Record<keyof typeof kinds, Seen>
  // In turn, so that a drift of the machine's speed meets all.
  for (let round = 0; round < rounds; round++) {
    for (const name of Object.keys(kinds) as (keyof typeof kinds)[]) {
      const { writes, pause } = kinds[name]
      if (!writes) await laura.vacuum()
      await lookOn(laura, read, writes, pause, seen[name])
    }
  }
  report(results, seen)
  await besideNewerVersions(results, laura)
}

/** Adds what happens in `roundMs`. `pause` undefined: nobody reads. */
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
  const processorBefore = processorMs()
  let reads = 0
  if (pause === undefined) await rest(roundMs)
  while (pause !== undefined && performance.now() - begin < roundMs) {
    await read()
    reads++
    if (pause > 0) await rest(pause)
  }
  seen.processorMs += processorMs() - processorBefore
  seen.seconds += (performance.now() - begin) / 1000
  if (reads > 0) seen.readMs.push(((await readWorkMs(laura)) - workBefore) / reads)
  seen.reads += reads
  seen.transfers += (writers?.done() ?? 0) - before
  await writers?.stop()
}

/** What reads have taken in sum, as serverStatus has it; those of one document by `_id` take too little to be timed. */
async function readWorkMs(laura: Laura): Promise<number> {
  const { opLatencies } = await laura.db('admin').command({ serverStatus: 1 })
  return Number((opLatencies as { reads: { latency: unknown } }).reads.latency) / 1000
}

/** Processor time of this thread. */
function processorMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

function report(results: Results, seen: Readonly<Record<string, Seen>>): void {
  const { reader, pacedReader, writers, writersAndPaced, both } = seen as Record<string, Seen>
  const aloneMs = median(pacedReader!.readMs)
  const besideMs = median(writersAndPaced!.readMs)
  results.add({ work: readWork, engine: 'lauradb, now and then', value: aloneMs, unit: 'ms' })
  results.add({ work: readWork, engine: 'lauradb, beside 16 writers', value: besideMs, unit: 'ms' })
  // No ratio: where others use the machine, too, a thread that works all the time is interrupted more often than one that waits.
  results.rate(writeWork, 'lauradb, no reader', writers!.transfers, writers!.seconds)
  results.rate(writeWork, 'lauradb, a read now and then', writersAndPaced!.transfers, writersAndPaced!.seconds)
  const readCost = reader!.processorMs / reader!.reads
  const transferCost = writers!.processorMs / writers!.transfers
  const costBeside = (writersAndPaced!.processorMs - writersAndPaced!.reads * readCost) / writersAndPaced!.transfers
  results.add({ work: writeWork, engine: 'processor time, no reader', value: transferCost * 1000, unit: 'us' })
  results.ratio(writeWork, 'cost alone / beside the reader', transferCost / costBeside, '0.9')
  const work = 'one reads, 16 write, all the time'
  const readShare = (both!.reads * readCost) / both!.processorMs
  const transferShare = (both!.transfers * transferCost) / both!.processorMs
  results.add({ work, engine: 'reads, at their cost alone', value: readShare, unit: 'x' })
  results.add({ work, engine: 'transfers, at theirs', value: transferShare, unit: 'x' })
  results.ratio(work, 'sum, of the time used', readShare + transferShare, '0.9')
}

/**
 * A reader whose snapshot is held while others write newer versions of a fifth of the documents, beside one of documents left alone. What is compared
 * is the median of the clock: a read takes about a millisecond, and processor time is counted in ticks of four here.
 */
async function besideNewerVersions(results: Results, laura: Laura): Promise<void> {
  const bank = laura.db('bank')
  const still = bank.collection<Account>('still')
  await still.insertMany(newAccounts())
  // Written one by one, as the accounts have been.
  for (let i = 0; i < accountCount; i += clients)
    await Promise.all(
      Array.from({ length: clients }, (_, k) => still.updateOne({ _id: i + k }, { $inc: { balance: 1 } })),
    )
  await laura.vacuum()
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
    for (let i = 0; i < 1000; i++) await read(i % 2 === 0 ? 'still' : 'accounts')
    const newerMs = median(ms.accounts)
    results.add({ work: readWork, engine: 'lauradb, 2,000 newer versions', value: newerMs, unit: 'ms' })
    results.ratio(readWork, 'left alone / newer versions', median(ms.still) / newerMs, '0.9')
  })
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >>> 1] ?? Number.NaN
}
