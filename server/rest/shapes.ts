/** What the answers are, as JSON Schemas: `/openapi.json` shows them, and clients are generated from them. */
import { isolationNames } from '../../pkg/command/transaction-options.ts'
import type { Schema } from './route.ts'

const document: Schema = { type: 'object', additionalProperties: true }

/** A number that the database counts: of JSON, or in canonical Extended JSON an object. */
const count: Schema = {
  anyOf: [
    { type: 'integer' },
    {
      type: 'object',
      properties: {
        $numberInt: { type: 'string' },
        $numberLong: { type: 'string' },
        $numberDouble: { type: 'string' },
      },
      additionalProperties: false,
      description: 'with ejson=canonical',
    },
  ],
}

function exactly(
  properties: Readonly<Record<string, Schema>>,
  optional: Readonly<Record<string, Schema>> = {},
): Schema {
  return {
    type: 'object',
    required: Object.keys(properties),
    properties: { ...properties, ...optional },
    additionalProperties: false,
  }
}

function list(items: Schema): Schema {
  return { type: 'array', items }
}

/** A part of a result; `next` is the token of what follows it, null at the end. */
export const page = exactly({ documents: list(document), next: { type: ['string', 'null'] } })

export const databases = exactly(
  { databases: list(exactly({ name: { type: 'string' }, sizeOnDisk: count, empty: { type: 'boolean' } })) },
  { totalSize: count, totalSizeMb: count },
)

export const collection: Schema = {
  type: 'object',
  required: ['name', 'type', 'options', 'info'],
  properties: {
    name: { type: 'string' },
    type: { type: 'string', enum: ['collection', 'view', 'timeseries'] },
    options: document,
    info: document,
    idIndex: document,
  },
}

export const collections = exactly({ collections: list(collection) })

export const index: Schema = {
  type: 'object',
  required: ['v', 'key', 'name'],
  properties: { v: count, key: document, name: { type: 'string' } },
  additionalProperties: true,
}

export const indexes = exactly({ indexes: list(index) })

export const counted = exactly({ count })

export const values = exactly({ values: list({}) })

export const updated = exactly({ matched: count, modified: count }, { upserted: list(document) })

export const deleted = exactly({ deleted: count })

export const bulkWritten = exactly({
  inserted: count,
  matched: count,
  modified: count,
  deleted: count,
  upserted: count,
  errors: list(document),
})

const number: Schema = { type: 'integer' }

export const imported = exactly({
  inserted: number,
  failed: number,
  errors: list(exactly({ document: number, code: number, errmsg: { type: 'string' } })),
})

export const transactionOptions = exactly(
  {},
  {
    isolation: { type: 'string', enum: isolationNames, default: 'snapshot' },
    onConflict: {
      type: 'string',
      enum: ['abort', 'wait'],
      description: `what a write does that meets another transaction's: fail, or wait for its end`,
    },
    readLocks: {
      type: 'boolean',
      description: `with the isolation 'serializable': others who would write what was read wait for the end of the transaction`,
    },
    lockTimeoutMs: { type: 'integer', minimum: 0, description: 'how long it waits for one lock' },
    readConcern: document,
  },
)

export const transaction = exactly({ id: { type: 'string', format: 'uuid' } })

/** RFC 9457, with the error's number and name, and whatever else the database says of it. */
export const problem: Schema = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'instance'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    instance: { type: 'string' },
    code: { type: 'integer', description: `MongoDB's number of the error` },
    codeName: { type: 'string', description: `MongoDB's name of the error` },
    labels: { type: 'array', items: { type: 'string' } },
  },
  additionalProperties: true,
}
