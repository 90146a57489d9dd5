/** How cases are timed and their results collected. */

export interface Row {
  /** What was done, e.g. `insertMany by 1000, durable`. */
  readonly work: string
  /** Who did it: `lauradb`, `sqlite`, `lmdb`, ... */
  readonly engine: string
  readonly value: number
  readonly unit: 'per second' | 'ms' | 'MB' | 'x' | 'us'
  /** What lauradb has to reach: `1.3 x sqlite`. */
  readonly target?: string
}

export class Results {
  readonly rows: Row[] = []

  add(row: Row): void {
    this.rows.push(row)
    const shown = row.value >= 100 ? Math.round(row.value).toLocaleString('en') : row.value.toFixed(2)
    console.log(
      `${row.work.padEnd(52)} ${row.engine.padEnd(26)} ${shown.padStart(12)} ${row.unit}${row.target ? `   (at least ${row.target})` : ''}`,
    )
  }

  rate(work: string, engine: string, count: number, seconds: number, target?: string): number {
    const value = count / seconds
    this.add({ work, engine, value, unit: 'per second', ...(target === undefined ? {} : { target }) })
    return value
  }

  of(work: string, engine: string): number {
    const row = this.rows.find((candidate) => candidate.work === work && candidate.engine === engine)
    return row?.value ?? Number.NaN
  }

  ratio(work: string, engine: string, value: number, target: string): void {
    this.add({ work, engine, value, unit: 'x', target })
  }
}

export async function timed(work: () => Promise<unknown> | unknown): Promise<number> {
  const begin = performance.now()
  await work()
  return (performance.now() - begin) / 1000
}

/**
 * Runs the same steps for several engines in turn, step by step, so that a drift of the machine's speed meets all of them; returns each one's
 * seconds in sum.
 */
export async function inTurn<Name extends string>(
  engines: Readonly<Record<Name, (step: number) => Promise<unknown> | unknown>>,
  steps: number,
): Promise<Record<Name, number>> {
  const names = Object.keys(engines) as Name[]
  const seconds = Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>
  for (let step = 0; step < steps; step++) {
    for (let i = 0; i < names.length; i++) {
      // Each goes first equally often.
      const name = names[(i + step) % names.length]!
      seconds[name] += await timed(() => engines[name](step))
    }
  }
  return seconds
}
