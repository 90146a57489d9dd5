/** First bytes of keys, in the order of the types; all below 0x80 (see docs/format/key-encoding.md). */
export const keyType = {
  minKey: 0x04,
  undefined: 0x08,
  null: 0x0c,
  /** NaN is the first of the numbers. */
  numberMin: 0x10,
  nan: 0x10,
  negativeInfinity: 0x11,
  /** -2^63 and below. */
  negativeLarge: 0x12,
  /** Less the count of bytes, 1 to 8, that the whole part takes: 0x13 (8 bytes) to 0x1a (1 byte). */
  negativeWhole: 0x1b,
  /** Between -1 and 0. */
  negativeSmall: 0x1b,
  zero: 0x1c,
  /** Between 0 and 1. */
  positiveSmall: 0x1d,
  /** Plus the count of bytes, 1 to 8, that the whole part takes: 0x1e (1 byte) to 0x25 (8 bytes). */
  positiveWhole: 0x1d,
  /** 2^63 and above. */
  positiveLarge: 0x26,
  positiveInfinity: 0x27,
  numberMax: 0x27,
  string: 0x30,
  document: 0x34,
  array: 0x38,
  binary: 0x3c,
  objectId: 0x40,
  false: 0x44,
  true: 0x45,
  date: 0x48,
  timestamp: 0x4c,
  regex: 0x50,
  dbPointer: 0x54,
  code: 0x58,
  codeWithScope: 0x5c,
  maxKey: 0x60,
} as const
