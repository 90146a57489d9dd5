import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { SeededRandom } from '../../pkg/sim/random.ts'
import { LauraServer, loggedErrors } from '../laura-process.ts'
import type { Choices, Fuzz } from './fuzz.ts'
import { GraphqlFuzz, RestFuzz } from './http-fuzz.ts'
import { WireFuzz } from './wire-fuzz.ts'

const doors: Readonly<Record<string, (server: LauraServer, random: Choices) => Fuzz>> = {
  wire: (server, random) => new WireFuzz(Number(new URL(server.mongoUri).port), random),
  REST: (server, random) => new RestFuzz(server.httpUri, random),
  GraphQL: (server, random) => new GraphqlFuzz(server.httpUri, random),
}

it.each(Object.keys(doors))('malformed requests leave the %s door as it was', async (name) => {
  const dir = mkdtempSync(join(tmpdir(), 'laura-fuzz-'))
  const server = await LauraServer.start(dir)
  const seed = Number(process.env['LAURA_SEED'] ?? 20_261_120)
  const fuzz = doors[name]!(server, new SeededRandom(seed))
  try {
    await fuzz.run(800)
  } catch (error) {
    server.process.kill('SIGKILL')
    throw new Error(`LAURA_SEED=${seed}\n${(await server.finished).stderr}`, { cause: error })
  } finally {
    fuzz.close()
  }
  const { answers, longestPingMs } = fuzz.report
  // Most is refused, and what was right by chance is carried out.
  expect((answers.get('400') ?? 0) + (answers.get('refused') ?? 0)).toBeGreaterThan(200)
  expect((answers.get('200') ?? 0) + (answers.get('ok') ?? 0)).toBeGreaterThan(5)
  expect(longestPingMs).toBeLessThan(5000)
  const { code, stderr } = await server.stop()
  expect(loggedErrors(stderr)).toEqual([])
  expect(code).toBe(0)
  rmSync(dir, { recursive: true, force: true })
})
