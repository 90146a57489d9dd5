/** connPoolStats: what a server without peers has to say. */
import { writeFields } from '../../bson/build.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { defineCommand, noRequest } from '../definition.ts'
import { anyType, commandFields } from '../fields.ts'

const poolFields = commandFields('connPoolStats', { connPoolStats: { type: anyType } }, { strict: false })

/** Connections to other members: there are none. */
export const connPoolStats = defineCommand({
  name: 'connPoolStats',
  help: 'connections to other members',
  kind: 'commands',
  fields: poolFields,
  parse: noRequest,
  run: () => undefined,
  reply: (_: undefined, writer: BsonWriter) =>
    writeFields(writer, {
      numClientConnections: 0,
      numAScopedConnections: 0,
      totalInUse: 0,
      totalAvailable: 0,
      totalLeased: 0,
      totalCreated: 0,
      totalRefreshing: 0,
      totalRefreshed: 0,
      totalWasNeverUsed: 0,
      pools: {},
      hosts: {},
      replicaSets: {},
    }),
})
