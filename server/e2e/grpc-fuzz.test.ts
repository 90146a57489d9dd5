import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { SeededRandom } from '../../pkg/sim/random.ts'
import { LauraServer, loggedErrors } from '../laura-process.ts'
import { GrpcFuzz } from './grpc-fuzz.ts'

it('thousands of malformed requests leave the gRPC door as it was', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'laura-grpc-fuzz-'))
  const server = await LauraServer.start(dir)
  const seed = Number(process.env['LAURA_SEED'] ?? 20_261_120)
  const fuzz = new GrpcFuzz(Number(new URL(server.grpcUri).port), new SeededRandom(seed))
  try {
    await fuzz.run(2000)
  } catch (error) {
    server.process.kill('SIGKILL')
    throw new Error(`LAURA_SEED=${seed}\n${(await server.finished).stderr}`, { cause: error })
  } finally {
    fuzz.close()
  }
  expect(fuzz.report.requests).toBeGreaterThanOrEqual(2000)
  // Nothing was left waiting.
  expect(fuzz.report.answers.get('DEADLINE_EXCEEDED')).toBeUndefined()
  // Damage is told from what is whole, and neither is a bug.
  expect(fuzz.report.answers.get('INVALID_ARGUMENT')).toBeGreaterThan(300)
  expect(fuzz.report.answers.get('OK')).toBeGreaterThan(30)
  const { code, stderr } = await server.stop()
  expect(loggedErrors(stderr)).toEqual([])
  expect(code).toBe(0)
  rmSync(dir, { recursive: true, force: true })
})
