/** Where import and export work: a directory that this process opens, or a running server. */

import { buildDocument } from '../../pkg/bson/build.ts'
import { documentFields, documentOf, getField, readInt64, readString } from '../../pkg/bson/value.ts'
import { Refusal } from '../refusal.ts'
import { checked, parseUri, WireClient } from './wire-client.ts'

export interface Target {
  /** Runs a command (with `$db`); `documents` go with it as the sequence `sequence`. Throws a DatabaseError for `ok: 0`. */
  command(body: Uint8Array, sequence?: string, documents?: readonly Uint8Array[]): Promise<Uint8Array>
  close(): Promise<void>
}

export interface TargetOptions {
  readonly dir?: string
  readonly uri?: string
}

export async function openTarget({ dir, uri }: TargetOptions): Promise<Target> {
  if ((dir === undefined) === (uri === undefined))
    throw new Refusal('give either --dir DIRECTORY or --uri mongodb://host:port')
  if (dir !== undefined) return openDirectory(dir)
  const client = await WireClient.connect(parseUri(uri!))
  return {
    command: (body, sequence, documents) => client.command(body, sequence, documents),
    close: async () => client.close(),
  }
}

async function openDirectory(dir: string): Promise<Target> {
  const { openNode, ownContext } = await import('../node.ts')
  const node = await openNode({ dir, engine: {} })
  const context = ownContext()
  return {
    async command(body, sequence, documents = []) {
      const sequences = new Map(sequence === undefined ? [] : [[sequence, documents]])
      const reply = await node.database.dispatch(context, { body, sequences, replyExpected: true })
      return checked(reply)
    },
    close: () => node.close(),
  }
}

/** The documents that a cursor command (find, aggregate, listCollections, listIndexes) yields, batch by batch. */
export async function* batches(target: Target, database: string, command: Uint8Array): AsyncGenerator<Uint8Array[]> {
  let reply = await target.command(command)
  for (let batchName = 'firstBatch'; ; batchName = 'nextBatch') {
    const cursor = documentOf(getField(reply, 'cursor')!)
    const batch = getField(cursor, batchName)!
    yield [...documentFields(batch.bytes, batch.start)].map(documentOf)
    const id = getField(cursor, 'id')!
    if (readInt64(id.bytes, id.start) === 0n) return
    const ns = getField(cursor, 'ns')!
    const collection = readString(ns.bytes, ns.start).slice(database.length + 1)
    reply = await target.command(buildDocument({ getMore: id, collection, $db: database }))
  }
}
