import { describe } from 'vitest'
import { testHistories } from './history-suite.ts'

describe.each(['list append', 'serializable', 'committed', 'write skew'] as const)(
  'the history of transactions in the workload %s',
  testHistories,
)
