/** Filling replies from rows, and keeping what is left as a cursor: shared by every command that answers with a cursor. */
import type { Rows } from '../aggregate/rows.ts'
import { firstBatchDefault } from '../base/limits.ts'
import type { Batch } from './batch.ts'
import type { Cursor, Tail } from './cursor.ts'
import type { Operation } from './instance.ts'
import { Pace } from './pace.ts'
import { HeldRows, noView, type View } from './rows.ts'

export interface CursorOptions {
  readonly namespace: string
  /** Documents in the first batch; 101 when the client does not say. */
  readonly batchSize: number | undefined
  readonly singleBatch?: boolean
  readonly noTimeout?: boolean
  /** The most rows there can be, when that is known: a batch of that size needs no look for one more. */
  readonly limit?: number
  /** What the rows read from. */
  readonly view?: View
  /** The one the rows were opened with. */
  readonly pace?: Pace
  /** The cursor stays open at the end of the rows and gives what comes later. */
  readonly tail?: Tail
}

/** The first reply: a batch of `rows`, and a cursor for the others if there are any. */
export function openCursor(operation: Operation, rows: Rows, options: CursorOptions): Batch | Promise<Batch> {
  const held = new HeldRows(rows, options.view ?? noView, options.pace ?? new Pace(operation), options.limit)
  const batch = operation.instance.batches.take(options.namespace)
  const wanted = options.batchSize ?? firstBatchDefault
  try {
    const filled = wanted === 0 ? filledForLater : fill(operation, held, batch, wanted)
    if (filled instanceof Promise)
      return filled.then(
        (exhausted) => keep(operation, held, batch, exhausted, options),
        (error: unknown) => {
          held.close()
          throw error
        },
      )
    return keep(operation, held, batch, filled, options)
  } catch (error) {
    held.close()
    throw error
  }
}

const filledForLater = false

function keep(operation: Operation, rows: HeldRows, batch: Batch, exhausted: boolean, options: CursorOptions): Batch {
  const goesOn = options.tail?.rows.hasPosition === true && !rows.ended
  if ((exhausted && !goesOn) || options.singleBatch === true) {
    rows.close()
    return batch
  }
  rows.save()
  const cursor = operation.instance.cursors.open(
    operation,
    options.namespace,
    rows,
    options.noTimeout === true,
    options.tail,
  )
  cursor.returned = batch.count
  batch.cursorId = cursor.id
  return batch
}

/** How long a getMore waits for documents of a capped collection when it does not say. */
const awaitDefaultMs = 1000

/**
 * A later reply: the next batch of a cursor the operation has taken. `wanted` 0: as many as fit. `awaitMs`: how long to wait
 * for the first document, where the cursor does so.
 */
export function continueCursor(
  operation: Operation,
  cursor: Cursor,
  wanted: number,
  awaitMs: number = awaitDefaultMs,
): Batch | Promise<Batch> {
  const batch = operation.instance.batches.take(cursor.namespace)
  const { cursors } = operation.instance
  cursor.rows.pace.operation = operation
  const finish = (exhausted: boolean): Batch => {
    cursor.returned += batch.count
    cursor.batches++
    if (exhausted && (cursor.tail === undefined || cursor.rows.ended)) cursor.killed = true
    else {
      cursor.rows.save()
      batch.cursorId = cursor.id
    }
    cursors.giveBack(cursor)
    return batch
  }
  const fail = (error: unknown): never => {
    cursor.killed = true
    cursors.giveBack(cursor)
    throw error
  }
  try {
    const count = wanted === 0 ? Number.POSITIVE_INFINITY : wanted
    const filled =
      cursor.tail?.awaitData === true
        ? fillWhenThere(operation, cursor, cursor.tail, batch, count, awaitMs)
        : fill(operation, cursor.rows, batch, count)
    return filled instanceof Promise ? filled.then(finish).catch(fail) : finish(filled)
  } catch (error) {
    return fail(error)
  }
}

/** Whether the rows have ended. */
function fill(operation: Operation, rows: HeldRows, batch: Batch, wanted: number): boolean | Promise<boolean> {
  const state = fillSlice(rows, batch, wanted)
  return state === 'paused' ? fillOn(operation, rows, batch, wanted) : state === 'exhausted'
}

/** As `fill`, but waits for the first row up to `awaitMs`. */
function fillWhenThere(
  operation: Operation,
  cursor: Cursor,
  tail: Tail,
  batch: Batch,
  wanted: number,
  awaitMs: number,
): boolean | Promise<boolean> {
  const { clock } = operation.instance.world
  const deadlineMs = clock.monotonicMs() + awaitMs
  const filled = fill(operation, cursor.rows, batch, wanted)
  if (filled === false || batch.count > 0 || cursor.rows.ended) return filled
  const waited = async (): Promise<boolean> => {
    let exhausted = await filled
    while (exhausted && batch.count === 0 && clock.monotonicMs() < deadlineMs) {
      cursor.rows.save()
      if (!tail.rows.hasMore) await arrival(operation, tail, deadlineMs - clock.monotonicMs())
      operation.check()
      exhausted = await fill(operation, cursor.rows, batch, wanted)
    }
    return exhausted
  }
  return waited()
}

/** Until the collection has a new document or none any more, the operation is killed, or the time is over. */
function arrival(operation: Operation, { rows }: Tail, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const { cappedWaiters, world } = operation.instance
    const end = (): void => {
      timer.cancel()
      forget()
      resolve()
    }
    const timer = world.clock.setTimer(timeoutMs, end)
    const forget = cappedWaiters.wait(rows.collection, end)
    operation.whenKilled(end)
    if (operation.killed) end()
  })
}

async function fillOn(operation: Operation, rows: HeldRows, batch: Batch, wanted: number): Promise<boolean> {
  for (;;) {
    rows.save()
    await operation.pause()
    const state = fillSlice(rows, batch, wanted)
    if (state !== 'paused') return state === 'exhausted'
  }
}

function fillSlice(rows: HeldRows, batch: Batch, wanted: number): 'full' | 'exhausted' | 'paused' {
  while (batch.count < wanted && !rows.ended) {
    if (!rows.next()) return rows.paused ? 'paused' : 'exhausted'
    if (!batch.add(rows.bytes, rows.start, rows.end)) {
      rows.hold()
      return 'full'
    }
  }
  return rows.ended ? 'exhausted' : 'full'
}
