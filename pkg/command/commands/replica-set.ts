/** replSetGetStatus, replSetGetConfig and the commands that change a replica set, as a set of one member answers them. */
import { DatabaseError } from '../../base/errors.ts'
import { timestampOf } from '../../base/timestamp.ts'
import { writeFields } from '../../bson/build.ts'
import { objectIdValue } from '../../bson/value.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { type AnyDefinition, type Definition, defineCommand, emptyReply } from '../definition.ts'
import { anyType, commandFields } from '../fields.ts'
import type { Operation } from '../operation.ts'
import { configurationVersion, electionTerm, memberId, opTime, opTimeDate, type ReplicaSet } from '../replica-set.ts'

const heartbeatMs = 2000

function command<Result>(
  name: string,
  help: string,
  run: (operation: Operation, set: ReplicaSet) => Result,
  reply: (result: Result, writer: BsonWriter) => void,
): Definition<undefined, Result> {
  return defineCommand<undefined, Result>({
    name,
    help,
    kind: 'commands',
    adminOnly: true,
    fields: commandFields(name, { [name]: { type: anyType } }, { strict: false }),
    parse: () => undefined,
    run: (operation) => {
      const { replicaSet } = operation.instance
      if (replicaSet === undefined) throw new DatabaseError('NoReplicationEnabled', 'not running with --replSet')
      return run(operation, replicaSet)
    },
    reply,
  })
}

function status(operation: Operation, set: ReplicaSet): Record<string, unknown> {
  const { instance, context } = operation
  const last = set.lastPosition(instance.engine.lastTimestamp)
  const position = opTime(last)
  const date = opTimeDate(last)
  const started = new Date(instance.startedAtMs)
  const electedAt = opTime(timestampOf(Math.floor(instance.startedAtMs / 1000), 1))
  return {
    set: set.name,
    date: new Date(instance.world.clock.nowMs()),
    myState: 1,
    term: BigInt(electionTerm),
    syncSourceHost: '',
    syncSourceId: -1,
    heartbeatIntervalMillis: BigInt(heartbeatMs),
    majorityVoteCount: 1,
    writeMajorityCount: 1,
    votingMembersCount: 1,
    writableVotingMembersCount: 1,
    optimes: {
      lastCommittedOpTime: position,
      lastCommittedWallTime: date,
      readConcernMajorityOpTime: position,
      appliedOpTime: position,
      durableOpTime: position,
      writtenOpTime: position,
      lastAppliedWallTime: date,
      lastDurableWallTime: date,
      lastWrittenWallTime: date,
    },
    electionCandidateMetrics: {
      lastElectionReason: 'electionTimeout',
      lastElectionDate: started,
      electionTerm: BigInt(electionTerm),
      numVotesNeeded: 1,
      priorityAtElection: 1.0,
      electionTimeoutMillis: 10_000n,
      wMajorityWriteAvailabilityDate: started,
    },
    members: [
      {
        _id: memberId,
        name: set.memberFor(context),
        health: 1.0,
        state: 1,
        stateStr: 'PRIMARY',
        uptime: Math.floor((instance.world.clock.monotonicMs() - instance.startedMonotonicMs) / 1000),
        optime: position,
        optimeDate: date,
        optimeWritten: position,
        optimeWrittenDate: date,
        lastAppliedWallTime: date,
        lastDurableWallTime: date,
        lastWrittenWallTime: date,
        syncSourceHost: '',
        syncSourceId: -1,
        infoMessage: '',
        electionTime: electedAt.ts,
        electionDate: started,
        configVersion: configurationVersion,
        configTerm: electionTerm,
        self: true,
        lastHeartbeatMessage: '',
      },
    ],
  }
}

function configuration({ context }: Operation, set: ReplicaSet): Record<string, unknown> {
  return {
    config: {
      _id: set.name,
      version: configurationVersion,
      term: electionTerm,
      members: [
        {
          _id: memberId,
          host: set.memberFor(context),
          arbiterOnly: false,
          buildIndexes: true,
          hidden: false,
          priority: 1.0,
          tags: {},
          secondaryDelaySecs: 0n,
          votes: 1,
        },
      ],
      protocolVersion: 1n,
      writeConcernMajorityJournalDefault: true,
      settings: {
        chainingAllowed: true,
        heartbeatIntervalMillis: heartbeatMs,
        heartbeatTimeoutSecs: 10,
        electionTimeoutMillis: 10_000,
        catchUpTimeoutMillis: -1,
        catchUpTakeoverDelayMillis: 30_000,
        getLastErrorModes: {},
        getLastErrorDefaults: { w: 1, wtimeout: 0 },
        replicaSetId: objectIdValue(set.id),
      },
    },
  }
}

function show(fields: Record<string, unknown>, writer: BsonWriter): void {
  writeFields(writer, fields)
}

function refused(name: string, help: string, error: ConstructorParameters<typeof DatabaseError>[0], message: string) {
  return command(
    name,
    help,
    (): undefined => {
      throw new DatabaseError(error, message)
    },
    emptyReply,
  )
}

/** As the commands of the table; a primary that is alone has nobody to step down for. */
export const replicaSetCommands = [
  command('replSetGetStatus', 'the state of the replica set', status, show),
  command('replSetGetConfig', 'the configuration of the replica set', configuration, show),
  command('replSetStepUp', 'makes this member primary, which it is', () => undefined, emptyReply),
  refused('replSetInitiate', 'begins a replica set', 'AlreadyInitialized', 'already initialized'),
  refused(
    'replSetReconfig',
    'changes the configuration of the replica set',
    'NewReplicaSetConfigurationIncompatible',
    'this node presents itself as a replica set of one member, which cannot be changed; see --repl-set-member',
  ),
  refused(
    'replSetStepDown',
    'makes another member primary',
    'ExceededTimeLimit',
    'No electable secondaries caught up as of now. Please use the replSetStepDown command with the argument {force: true} to force node to step down.',
  ),
  refused(
    'replSetFreeze',
    'keeps a member from becoming primary',
    'NotSecondary',
    'cannot freeze node when primary or running for election. state: Primary',
  ),
  refused(
    'replSetMaintenance',
    'takes a secondary out of service',
    'NotSecondary',
    `primaries can't modify maintenance mode`,
  ),
  refused('replSetSyncFrom', 'chooses a source', 'NotSecondary', `primaries don't sync`),
] as readonly AnyDefinition[]
