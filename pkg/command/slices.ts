import type { Operation } from './operation.ts'

/** Does `act` to each item, letting others run now and then: in the caller's turn unless there is too much for one. */
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
