import { writeField } from '../../bson/build.ts'
import { int64Value } from '../../bson/value.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { defineCommand, noRequest } from '../definition.ts'
import { anyType, commandFields } from '../fields.ts'
import type { Operation } from '../operation.ts'
import { usageEvents } from '../usage.ts'

const fields = commandFields('top', { top: { type: anyType } }, { strict: false })

/** How often and how long each collection was used since the start. */
export const top = defineCommand({
  name: 'top',
  help: 'how often and how long each collection was used',
  kind: 'commands',
  adminOnly: true,
  fields,
  parse: noRequest,
  run: ({ instance }: Operation): Readonly<Record<string, unknown>> => {
    const totals: Record<string, unknown> = { note: 'all times in microseconds' }
    for (const database of instance.engine.databases())
      for (const { namespace } of instance.engine.collections(database))
        totals[namespace] = Object.fromEntries(
          usageEvents.map((event) => {
            const { count, microseconds } = instance.usage.of(namespace, event)
            return [event, { time: int64Value(microseconds), count: int64Value(count) }]
          }),
        )
    return totals
  },
  reply: (totals: Readonly<Record<string, unknown>>, writer: BsonWriter) => writeField(writer, 'totals', totals),
})
