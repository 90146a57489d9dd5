/** The specifications that ask for nothing that a standalone server does not have. */
import { describeSpecs } from './suite.ts'

describeSpecs('single', ['crud', 'collection-management', 'index-management', 'run-command', 'gridfs', 'sessions'])
