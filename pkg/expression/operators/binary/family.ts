/** The operators of sizes and hashes. */
import type { Operator } from '../operator.ts'
import { hash, hexHash, toHashedIndexKey } from './hash.ts'
import { binarySize, bsonSize, subtype } from './size.ts'

export const binaryOperators: readonly Operator[] = [binarySize, bsonSize, hash, hexHash, subtype, toHashedIndexKey]
