/** A server with every door open, an embedded database beside it, and a database of its own for each door. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MongoClient } from 'mongodb'
import { LauraClient } from '../../clients/node/src/index.ts'
import { open } from '../../pkg/lauradb.ts'
import { LauraServer, loggedErrors } from '../laura-process.ts'
import { DriverDoor, GraphqlDoor, RestDoor } from './doors.ts'
import { type Choices, collections, DoorsRun } from './doors-run.ts'

export interface DoorsReport {
  readonly outcomes: ReadonlyMap<string, number>
  /** By door: all documents in the end, as canonical Extended JSON, in the order of their ids. */
  readonly states: ReadonlyMap<string, string>
}

/** Sends `steps` random operations through all doors. Throws when answers differ; compare the states. */
export async function runDoors(random: Choices, steps: number): Promise<DoorsReport> {
  const directory = mkdtempSync(join(tmpdir(), 'laura-doors-'))
  const server = await LauraServer.start(join(directory, 'server'))
  const driver = await new MongoClient(server.mongoUri).connect()
  const client = await LauraClient.connect(server.grpcUri)
  const embedded = await open(join(directory, 'embedded'))
  const wire = (database: string) => new DriverDoor('wire', (name) => driver.db(database).collection(name))
  const doors = [
    wire('wire'),
    new DriverDoor('embedded', (name) => embedded.db('embedded').collection(name)),
    new DriverDoor('gRPC', (name) => client.db('grpc').collection(name)),
    new RestDoor(server.httpUri, 'rest'),
    new GraphqlDoor(server.httpUri, 'graphql'),
  ]
  const run = new DoorsRun(doors, wire('graphql'), random)
  const states = new Map<string, string>()
  try {
    for (let step = 0; step < steps; step++) await run.step()
    for (const name of ['wire', 'grpc', 'rest', 'graphql']) states.set(name, await stateOf(server, name))
  } catch (error) {
    server.process.kill('SIGKILL')
    throw new Error(loggedErrors((await server.finished).stderr).join('\n'), { cause: error })
  } finally {
    await driver.close()
    await client.close()
    await embedded.close()
  }
  await stopCleanly(server)
  // The files of the one are the files of the other.
  const another = await LauraServer.start(join(directory, 'embedded'))
  states.set('embedded', await stateOf(another, 'embedded'))
  await stopCleanly(another)
  rmSync(directory, { recursive: true, force: true })
  return { outcomes: run.outcomes, states }
}

async function stateOf(server: LauraServer, database: string): Promise<string> {
  const texts = collections.map(async (collection) => {
    const place = `${server.httpUri}/v1/databases/${database}/collections/${collection}`
    const documents = await fetch(`${place}/export?sort=${encodeURIComponent('{"_id":1}')}&ejson=canonical`)
    const indexes = await fetch(`${place}/indexes`)
    return `${collection}\n${await documents.text()}${indexes.ok ? await indexes.text() : 'missing'}`
  })
  return (await Promise.all(texts)).join('\n')
}

async function stopCleanly(server: LauraServer): Promise<void> {
  const { code, stderr } = await server.stop()
  if (code !== 0 || loggedErrors(stderr).length > 0) throw new Error(`the server ended with ${code}: ${stderr}`)
}
