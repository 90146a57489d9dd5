import { describe, expect, test } from 'vitest'
import { checkRegister, type RegisterOperation } from './linearizability.ts'
import { checkListAppend, type ListOperation, type ListTransaction } from './list-append.ts'
import { checkBank, checkLongFork, checkWriteSkew } from './snapshots.ts'

/** `a1:5` appends 5 to list 1, `r1:5 6` reads [5 6] of it. */
function operations(text: string): ListOperation[] {
  return text.split(', ').map((each) => {
    const [, kind, key, values] = /^([ar])(\d+):(.*)$/.exec(each)!
    const numbers = values === '' ? [] : values!.split(' ').map(Number)
    return kind === 'a'
      ? { kind: 'append', key: Number(key), value: numbers[0]! }
      : { kind: 'read', key: Number(key), values: numbers }
  })
}

/** All at the same time, unless `times` says otherwise. */
function history(
  texts: readonly string[],
  outcomes: readonly ListTransaction['outcome'][] = [],
  times: readonly (readonly [number, number])[] = [],
): ListTransaction[] {
  return texts.map((text, i) => ({
    operations: operations(text),
    outcome: outcomes[i] ?? 'committed',
    beganAt: times[i]?.[0] ?? 0,
    endedAt: times[i]?.[1] ?? 100,
  }))
}

function kinds(transactions: readonly ListTransaction[]): string[] {
  return [...new Set(checkListAppend(transactions).map(({ kind }) => kind))]
}

describe('the list-append checker finds', () => {
  test.each<[string, readonly string[], (readonly ListTransaction['outcome'][])?, (readonly [number, number])[]?]>([
    ['G0', ['a1:1, a2:2', 'a1:3, a2:4', 'r1:1 3, r2:4 2']],
    ['G1a', ['a1:1', 'r1:1'], ['aborted']],
    ['G1b', ['a1:1, a1:2', 'r1:1']],
    ['G1c', ['a1:1, r2:2', 'a2:2, r1:1']],
    // A lost update: both read the list as it was and appended.
    ['G-single', ['r1:1, a1:2', 'r1:1, a1:3', 'a1:1', 'r1:1 2 3']],
    // Read skew: one list before the other transaction, one after it.
    ['G-single', ['r1:, r2:2', 'a1:1, a2:2', 'r1:1']],
    ['G2-item', ['r1:, a2:2', 'r2:, a1:1', 'r1:1, r2:2']],
    ['internal', ['a1:1, r1:']],
    ['internal', ['r1:1, r1:1 2', 'a1:1', 'a1:2']],
    ['duplicate', ['a1:1', 'r1:1 1']],
    ['incompatible order', ['a1:1', 'a1:2', 'r1:1 2', 'r1:2']],
    ['phantom value', ['r1:7']],
    [
      'stale read',
      ['a1:1', 'r1:'],
      [],
      [
        [0, 1],
        [2, 3],
      ],
    ],
    // Nobody sees it at once, but the second had ended before the first began.
    [
      'G1c',
      ['a1:1', 'r1:1'],
      [],
      [
        [5, 6],
        [0, 1],
      ],
    ],
  ])('%s in %j', (kind, texts, outcomes, times) => {
    expect(kinds(history(texts, outcomes, times))).toContain(kind)
  })

  test.each<[readonly string[], (readonly ListTransaction['outcome'][])?]>([
    [['a1:1, a2:2', 'r1:, r2:', 'r1:1, r2:2']],
    [['r1:, a1:1, r1:1', 'r1:1, a1:2, r1:1 2', 'r1:1 2']],
    [['a1:1', 'r1:1'], ['unknown']],
    [['a1:1', 'r1:'], ['unknown']],
    [['a1:1', 'r1:'], ['aborted']],
    [['a1:1, a1:2', 'r1:1 2']],
  ])('nothing in %j', (texts, outcomes) => {
    expect(kinds(history(texts, outcomes))).toEqual([])
  })

  test('write skew as nothing worse than G2-item, which snapshot isolation allows', () => {
    expect(kinds(history(['r1:, a2:2', 'r2:, a1:1', 'r1:1, r2:2']))).toEqual(['G2-item'])
  })
})

const never = Number.POSITIVE_INFINITY
const write = (value: number, beganAt: number, endedAt: number): RegisterOperation => ({
  kind: 'write',
  value,
  beganAt,
  endedAt,
})
const read = (value: number, beganAt: number, endedAt: number): RegisterOperation => ({
  kind: 'read',
  value,
  beganAt,
  endedAt,
})
const swap = (from: number, to: number, done: boolean, beganAt: number, endedAt: number): RegisterOperation => ({
  kind: 'compareAndSet',
  from,
  to,
  done,
  beganAt,
  endedAt,
})

describe('a register is', () => {
  test.each<[string, readonly RegisterOperation[]]>([
    ['read as it was and as it is while it is written', [write(1, 0, 10), read(0, 1, 2), read(1, 3, 4)]],
    ['written by somebody who was never told', [write(1, 0, never), read(0, 1, 2), read(1, 3, 4)]],
    ['not written by somebody who was never told', [write(1, 0, never), read(0, 1, 2), read(0, 3, 4)]],
    ['swapped by one of two', [swap(0, 1, true, 0, 5), swap(0, 2, false, 0, 5), read(1, 6, 7)]],
    ['written by two, in either order', [write(1, 0, 5), write(2, 0, 5), read(1, 6, 7)]],
  ])('linearizable: %s', (_, operations) => {
    expect(checkRegister(operations, 0)).toBeUndefined()
  })

  test.each<[string, readonly RegisterOperation[]]>([
    ['a stale read', [write(1, 0, 1), read(0, 2, 3)]],
    ['back to what it was', [write(1, 0, 10), read(1, 1, 2), read(0, 3, 4)]],
    ['read as nobody wrote it', [read(7, 0, 1)]],
    ['a write that is lost', [write(1, 0, 1), write(2, 2, 3), read(1, 4, 5)]],
    ['swapped by both', [swap(0, 1, true, 0, 5), swap(0, 2, true, 0, 5)]],
    ['forgotten after an unknown write was seen', [write(1, 0, never), read(1, 1, 2), read(0, 3, 4)]],
  ])('not linearizable: %s', (_, operations) => {
    expect(checkRegister(operations, 0)).toBeDefined()
  })

  test('judged in good time with many at once', () => {
    const operations = Array.from({ length: 400 }, (_, i) =>
      i % 2 === 0 ? write(i, i * 3, i * 3 + 20) : read(i - 1, i * 3 + 20, i * 3 + 22),
    )
    expect(checkRegister(operations.slice(0, 2), 0)).toBeUndefined()
    checkRegister(operations, 0)
  })
})

test('accounts must come to the same sum in every snapshot', () => {
  expect(
    checkBank(
      [
        [5, 5],
        [2, 8],
      ],
      10,
    ),
  ).toEqual([])
  expect(
    checkBank(
      [
        [5, 5],
        [5, 6],
      ],
      10,
    ),
  ).toHaveLength(1)
})

test('two writes are in one order for all', () => {
  const seen = (x: boolean, y: boolean): Map<number, boolean> =>
    new Map([
      [1, x],
      [2, y],
    ])
  expect(checkLongFork([seen(false, false), seen(true, false), seen(true, true)])).toEqual([])
  expect(checkLongFork([seen(true, false), seen(false, true)])).toHaveLength(1)
})

test('no pair may lose both', () => {
  expect(
    checkWriteSkew([
      [true, false],
      [true, true],
    ]),
  ).toEqual([])
  expect(checkWriteSkew([[false, false]])).toHaveLength(1)
})
