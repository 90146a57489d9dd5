import { expect, test } from 'vitest'
import { buildDocument } from '../../bson/build.ts'
import { decodeDocument } from '../../bson/convert.ts'
import { explainValidation } from './explain-filter.ts'

type Json = Record<string, unknown>

const document = { _id: 1, a: 3, list: [1, 2], s: 'text' }

const cases: readonly (readonly [Json, Json])[] = [
  [
    { a: { $gt: 5 } },
    { operatorName: '$gt', specifiedAs: { a: { $gt: 5 } }, reason: 'comparison failed', consideredValue: 3 },
  ],
  [{ a: 5 }, { operatorName: '$eq', specifiedAs: { a: 5 }, reason: 'comparison failed', consideredValue: 3 }],
  [{ b: { $lt: 5 } }, { operatorName: '$lt', specifiedAs: { b: { $lt: 5 } }, reason: 'field was missing' }],
  [
    { b: { $exists: true } },
    { operatorName: '$exists', specifiedAs: { b: { $exists: true } }, reason: 'path does not exist' },
  ],
  [
    { a: { $exists: false } },
    { operatorName: '$exists', specifiedAs: { a: { $exists: false } }, reason: 'path does exist' },
  ],
  [
    { a: { $type: 'string' } },
    {
      operatorName: '$type',
      specifiedAs: { a: { $type: 'string' } },
      reason: 'type did not match',
      consideredValue: 3,
      consideredType: 'int',
    },
  ],
  [
    { list: { $geoWithin: { $center: [[5, 5], 1] } } },
    {
      operatorName: '$geoWithin',
      specifiedAs: { list: { $geoWithin: { $center: [[5, 5], 1] } } },
      reason: 'none of considered geometries was contained within the expression’s geometry',
      consideredValues: [1, 2, [1, 2]],
    },
  ],
  [
    { list: { $in: [7] } },
    {
      operatorName: '$in',
      specifiedAs: { list: { $in: [7] } },
      reason: 'no matching value found in array',
      consideredValues: [1, 2, [1, 2]],
    },
  ],
  [
    { a: { $gte: 1, $lt: 2 }, s: { $regex: '^x' } },
    {
      operatorName: '$and',
      clausesNotSatisfied: [
        {
          index: 1,
          details: {
            operatorName: '$lt',
            specifiedAs: { a: { $lt: 2 } },
            reason: 'comparison failed',
            consideredValue: 3,
          },
        },
        {
          index: 2,
          details: {
            operatorName: '$regex',
            specifiedAs: { s: { $regex: '^x' } },
            reason: 'regular expression did not match',
            consideredValue: 'text',
          },
        },
      ],
    },
  ],
  [
    { $nor: [{ a: 3 }, { a: 4 }] },
    {
      operatorName: '$nor',
      clausesSatisfied: [
        {
          index: 0,
          details: { operatorName: '$eq', specifiedAs: { a: 3 }, reason: 'comparison succeeded', consideredValue: 3 },
        },
      ],
    },
  ],
  [
    { a: { $not: { $gt: 1 } } },
    {
      operatorName: '$not',
      details: {
        operatorName: '$gt',
        specifiedAs: { a: { $gt: 1 } },
        reason: 'comparison succeeded',
        consideredValue: 3,
      },
    },
  ],
  [
    { a: { $ne: 3 } },
    { operatorName: '$ne', specifiedAs: { a: { $ne: 3 } }, reason: 'comparison succeeded', consideredValue: 3 },
  ],
  [
    { $expr: { $eq: ['$a', 4] } },
    {
      operatorName: '$expr',
      specifiedAs: { $expr: { $eq: ['$a', 4] } },
      reason: 'expression did not match',
      expressionResult: false,
    },
  ],
  [
    { $or: [{ $jsonSchema: { required: ['z'] } }, { a: 9 }] },
    {
      operatorName: '$or',
      clausesNotSatisfied: [
        {
          index: 0,
          details: {
            operatorName: '$jsonSchema',
            schemaRulesNotSatisfied: [
              { operatorName: 'required', specifiedAs: { required: ['z'] }, missingProperties: ['z'] },
            ],
          },
        },
        {
          index: 1,
          details: { operatorName: '$eq', specifiedAs: { a: 9 }, reason: 'comparison failed', consideredValue: 3 },
        },
      ],
    },
  ],
]

test.each(cases)('%j is explained', (filter, expected) => {
  const explanation = explainValidation(buildDocument(filter), buildDocument(document))
  expect(decodeDocument(explanation)).toEqual(expected)
})
