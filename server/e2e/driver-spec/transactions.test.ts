/** The specifications of what drivers do with a replica set: here one of a single member. */
import { describeSpecs } from './suite.ts'

describeSpecs('replicaset', ['transactions', 'transactions-convenient-api'])
