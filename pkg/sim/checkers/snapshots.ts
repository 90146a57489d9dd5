/** What every snapshot must show, whatever the transactions did: three invariants, and which snapshots break them. */

/** A snapshot of accounts: their balances. The sum is the same in each. */
export function checkBank(snapshots: readonly (readonly number[])[], total: number): string[] {
  return snapshots.flatMap((balances) => {
    const sum = balances.reduce((a, b) => a + b, 0)
    return sum === total ? [] : [`the accounts ${balances.join(' ')} come to ${sum} instead of ${total}`]
  })
}

/** Which of the keys written, each once, a snapshot shows. */
export type Seen = ReadonlyMap<number, boolean>

/**
 * Long fork: one snapshot shows x but not y, another y but not x. Then the two writes happened in different orders for
 * different readers.
 */
export function checkLongFork(snapshots: readonly Seen[]): string[] {
  const forks: string[] = []
  for (const [i, a] of snapshots.entries()) {
    for (let j = i + 1; j < snapshots.length; j++) {
      const b = snapshots[j]!
      const onlyA = [...a].find(([key, seen]) => seen && b.get(key) === false)
      const onlyB = [...b].find(([key, seen]) => seen && a.get(key) === false)
      if (onlyA !== undefined && onlyB !== undefined)
        forks.push(`snapshot ${i} shows ${onlyA[0]} without ${onlyB[0]}, snapshot ${j} the other way round`)
    }
  }
  return forks
}

/** Write skew: each transaction takes one of a pair away after it saw both; none may ever be without either. */
export function checkWriteSkew(pairs: readonly (readonly [boolean, boolean])[]): string[] {
  return pairs.flatMap(([a, b], i) => (a || b ? [] : [`pair ${i} has lost both`]))
}
