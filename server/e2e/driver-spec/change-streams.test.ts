/** The specification of `watch`, by a server that is a replica set; what it does without one is in ../change-streams.test.ts. */
import { describeSpecs } from './suite.ts'

describeSpecs('replicaset', ['change-streams'])
