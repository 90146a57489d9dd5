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

/** Repeats `work` and gives the quickest run's seconds: the machine's noise only ever adds. */
export async function best(times: number, work: (run: number) => Promise<unknown> | unknown): Promise<number> {
  let seconds = Number.POSITIVE_INFINITY
  for (let run = 0; run < times; run++) seconds = Math.min(seconds, await timed(() => work(run)))
  return seconds
}
