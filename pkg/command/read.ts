/** Filling replies from rows, and keeping what is left as a cursor: shared by every command that answers with a cursor. */
import type { Rows } from '../aggregate/rows.ts'
import { firstBatchDefault } from '../base/limits.ts'
import type { Batch } from './batch.ts'
import type { Cursor, Tail } from './cursor.ts'
import type { Operation } from './operation.ts'
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
  // What goes on from a document's bytes needs them.
  const batch = operation.instance.batches.take(options.namespace, operation.wantsObjects && options.tail === undefined)
  const wanted = options.batchSize ?? firstBatchDefault
  try {
    const filled = wanted === 0 ? filledForLater : fill(operation, held, batch, wanted, options.tail)
    if (filled instanceof Promise)
      return filled
        .then((exhausted) => settled(keep(operation, held, batch, exhausted, options), options.tail))
        .catch((error: unknown) => {
          held.close()
          throw error
        })
    return settled(keep(operation, held, batch, filled, options), options.tail)
  } catch (error) {
    held.close()
    throw error
  }
}

const filledForLater = false

/** The batch once what it says is on disk. */
function settled(batch: Batch, tail: Tail | undefined): Batch | Promise<Batch> {
  const waiting = tail?.rows.settled()
  return waiting === undefined ? batch : waiting.then(() => batch)
}

function keep(operation: Operation, rows: HeldRows, batch: Batch, exhausted: boolean, options: CursorOptions): Batch {
  const tailed = options.tail?.rows
  if (tailed !== undefined) batch.resumeToken = tailed.resumeToken(batch, exhausted)
  const goesOn = tailed?.hasPosition === true && !tailed.finished && !rows.ended
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
  const batch = operation.instance.batches.take(cursor.namespace, operation.wantsObjects && cursor.tail === undefined)
  const { cursors } = operation.instance
  cursor.rows.pace.operation = operation
  const finish = (exhausted: boolean): Batch | Promise<Batch> => {
    cursor.returned += batch.count
    cursor.batches++
    const tailed = cursor.tail?.rows
    if (tailed !== undefined) batch.resumeToken = tailed.resumeToken(batch, exhausted)
    if (exhausted && (tailed === undefined || tailed.finished || cursor.rows.ended)) cursor.killed = true
    else {
      cursor.rows.save()
      batch.cursorId = cursor.id
    }
    cursors.giveBack(cursor)
    return settled(batch, cursor.tail)
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
        : fill(operation, cursor.rows, batch, count, cursor.tail)
    return filled instanceof Promise ? filled.then(finish).catch(fail) : finish(filled)
  } catch (error) {
    return fail(error)
  }
}

/** Whether the rows have ended, or have met their end for now. */
function fill(
  operation: Operation,
  rows: HeldRows,
  batch: Batch,
  wanted: number,
  tail: Tail | undefined,
  deadlineMs = Number.POSITIVE_INFINITY,
): boolean | Promise<boolean> {
  const state = fillSlice(rows, batch, wanted)
  if (state !== 'paused') return state === 'exhausted'
  return tail?.rows.waiting === true || fillOn(operation, rows, batch, wanted, tail, deadlineMs)
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
  const filled = fill(operation, cursor.rows, batch, wanted, tail, deadlineMs)
  if (filled === false || batch.count > 0 || cursor.rows.ended || tail.rows.finished) return filled
  const waited = async (): Promise<boolean> => {
    let exhausted = await filled
    while (exhausted && batch.count === 0 && !tail.rows.finished && clock.monotonicMs() < deadlineMs) {
      cursor.rows.save()
      if (!tail.rows.hasMore) await arrival(operation, tail, deadlineMs - clock.monotonicMs())
      operation.check()
      exhausted = await fill(operation, cursor.rows, batch, wanted, tail, deadlineMs)
    }
    return exhausted
  }
  return waited()
}

/** Until the collection has a new document or none any more, the operation is killed, or the time is over. */
function arrival(operation: Operation, { rows }: Tail, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const { world } = operation.instance
    const beganMs = world.clock.monotonicMs()
    let waiting = true
    const end = (): void => {
      if (!waiting) return
      waiting = false
      operation.waitedMs += world.clock.monotonicMs() - beganMs
      timer.cancel()
      forget()
      resolve()
    }
    const timer = world.clock.setTimer(timeoutMs, end)
    const forget = rows.wait(end)
    operation.whenKilled(end)
    if (operation.killed) end()
  })
}

async function fillOn(
  operation: Operation,
  rows: HeldRows,
  batch: Batch,
  wanted: number,
  tail: Tail | undefined,
  deadlineMs: number,
): Promise<boolean> {
  for (;;) {
    rows.save()
    await operation.pause()
    const state = fillSlice(rows, batch, wanted)
    if (state !== 'paused') return state === 'exhausted'
    if (tail === undefined) continue
    // Of many rows none may be wanted: the client hears of how far that went.
    if (tail.rows.waiting || operation.instance.world.clock.monotonicMs() >= deadlineMs) return true
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
