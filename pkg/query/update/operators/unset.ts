import { type Modifier, onMissing, type UpdateOperator } from '../update.ts'

/** `{$unset: {path: ''}}`: the field goes away; an array element becomes null. */
export const unset: UpdateOperator = {
  name: '$unset',
  parse(path, _operand, target) {
    target.add(path, removal)
  },
}

const removal: Modifier = {
  operator: '$unset',
  onMissing: () => onMissing.ignore,
  modify: () => undefined,
}
