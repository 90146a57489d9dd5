/** Work of a command that goes on and on, cut into slices between which others run: in the caller's turn unless there is too much for one. */
import type { Operation } from './operation.ts'
import type { ReadView } from './read-view.ts'

/** Does `act` to each item, letting others run now and then. */
export function inSlices<Item>(
  operation: Operation,
  items: readonly Item[],
  act: (item: Item) => unknown,
  from = 0,
): void | Promise<void> {
  for (let i = from; i < items.length; i++) {
    act(items[i]!)
    if (operation.passed()) return operation.pause().then(() => inSlices(operation, items, act, i + 1))
  }
}

/** Says whether all is done; takes about `budget` steps. */
export type Advance = (budget: number) => boolean

/** Goes on until all is done, or the slice is used up: false, a pause is due. */
export function advanceSlice(operation: Operation, advance: Advance): boolean {
  do {
    if (operation.untilDetour(() => advance(operation.stride))) return true
  } while (!operation.passed(operation.stride))
  return false
}

/** Goes on until all is done. `rows`, if there are any, and `view` are what it reads from: they are let go of in the end, whatever ends it. */
export function readInSlices(
  operation: Operation,
  view: ReadView,
  rows: { save(): void; close(): void } | undefined,
  advance: Advance,
): void | Promise<void> {
  const close = (): void => {
    rows?.close()
    view.release()
  }
  const goOn = async (): Promise<void> => {
    try {
      do {
        view.keep()
        rows?.save()
        await operation.pause()
      } while (!advanceSlice(operation, advance))
    } finally {
      close()
    }
  }
  let isDone: boolean
  try {
    isDone = advanceSlice(operation, advance)
  } catch (error) {
    close()
    throw error
  }
  if (!isDone) return goOn()
  close()
}
