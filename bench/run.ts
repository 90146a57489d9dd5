/**
 * npm run bench [-- --documents 100000] [--only embedded,transactions,query,aggregate,wire,change,start,restart,memory,hot] [--uri mongodb://HOST:PORT] [--out FILE] [--cache-mb 64] [--hot-seconds 60]
 *
 * Prints a table and writes it as JSON. Everything runs on loopback, in a folder that is removed afterwards.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { aggregateCases } from './cases/aggregate.ts'
import { changeCases } from './cases/change.ts'
import { embeddedCases } from './cases/embedded.ts'
import { grpcCases } from './cases/grpc.ts'
import { httpCases } from './cases/http.ts'
import { hotDocumentCase, memoryCase, restartCase, startCase } from './cases/life.ts'
import { queryCases } from './cases/query.ts'
import { transactionCases } from './cases/transactions.ts'
import { wireCases } from './cases/wire.ts'
import { Results } from './measure.ts'

const { values } = parseArgs({
  options: {
    documents: { type: 'string', default: '100000' },
    only: { type: 'string', default: 'embedded,transactions,query,aggregate,wire,change,start,restart,memory,hot' },
    uri: { type: 'string' },
    out: { type: 'string', default: 'bench/results/latest.json' },
    'cache-mb': { type: 'string', default: '64' },
    'hot-seconds': { type: 'string', default: '60' },
  },
})
const wanted = new Set(values.only.split(','))
const documents = Number(values.documents)
const directory = mkdtempSync(join(tmpdir(), 'laura-bench-'))
const machine = `${cpus().length} x ${cpus()[0]?.model ?? 'unknown processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`
console.log(machine)
const results = new Results()
try {
  if (wanted.has('embedded')) await embeddedCases(results, join(directory, 'embedded'), documents)
  if (wanted.has('transactions')) await transactionCases(results, join(directory, 'transactions'))
  if (wanted.has('query')) await queryCases(results, join(directory, 'query'), documents)
  if (wanted.has('aggregate')) await aggregateCases(results, join(directory, 'aggregate'), documents)
  if (wanted.has('wire')) await wireCases(results, join(directory, 'wire'), Math.min(documents, 100_000), values.uri)
  if (wanted.has('change')) await changeCases(results, join(directory, 'change'))
  if (wanted.has('http')) await httpCases(results, join(directory, 'http'), Math.min(documents, 100_000))
  if (wanted.has('grpc')) await grpcCases(results, join(directory, 'grpc'), Math.min(documents, 100_000))
  mkdirSync(join(directory, 'life'), { recursive: true })
  if (wanted.has('start')) await startCase(results, join(directory, 'life'))
  if (wanted.has('restart')) await restartCase(results, join(directory, 'life'))
  if (wanted.has('memory')) await memoryCase(results, join(directory, 'life'), Number(values['cache-mb']))
  if (wanted.has('hot')) await hotDocumentCase(results, join(directory, 'life'), Number(values['hot-seconds']))
} finally {
  rmSync(directory, { recursive: true, force: true })
}
mkdirSync(dirname(values.out), { recursive: true })
writeFileSync(values.out, JSON.stringify({ machine, documents, rows: results.rows }, null, 1))
console.log(`written to ${values.out}`)
