import { onMissing, type UpdateOperator } from '../update.ts'

/** `{$setOnInsert: {path: value}}`: `$set` when an upsert inserts, nothing otherwise. */
export const setOnInsert: UpdateOperator = {
  name: '$setOnInsert',
  parse(path, operand, target) {
    target.add(path, {
      operator: '$setOnInsert',
      onMissing: (state) => (state.inserting ? onMissing.create : onMissing.ignore),
      modify: (existing, state) => (state.inserting ? operand : existing),
    })
  },
}
