import { describe } from 'vitest'
import { testHistories } from './history-suite.ts'

describe.each(['bank', 'register', 'long fork', 'counter'] as const)('the history of the workload %s', testHistories)
