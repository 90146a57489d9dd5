/** XXH64 with seed 0 (Collet, "xxHash fast digest algorithm", 0.1.1), as its 8 bytes, the most significant first. */

const prime1 = 0x9e3779b185ebca87n
const prime2 = 0xc2b2ae3d27d4eb4fn
const prime3 = 0x165667b19e3779f9n
const prime4 = 0x85ebca77c2b2ae63n
const prime5 = 0x27d4eb2f165667c5n

export function xxHash64(content: Uint8Array): Uint8Array {
  const view = new DataView(content.buffer, content.byteOffset, content.length)
  const { length } = content
  let at = 0
  let hash: bigint
  if (length >= 32) {
    const lanes: [bigint, bigint, bigint, bigint] = [word(prime1 + prime2), prime2, 0n, word(-prime1)]
    for (; at + 32 <= length; at += 32) {
      for (let lane = 0; lane < 4; lane++) lanes[lane] = round(lanes[lane]!, view.getBigUint64(at + lane * 8, true))
    }
    hash = word(rotate(lanes[0], 1n) + rotate(lanes[1], 7n) + rotate(lanes[2], 12n) + rotate(lanes[3], 18n))
    for (const lane of lanes) hash = word((hash ^ round(0n, lane)) * prime1 + prime4)
  } else {
    hash = prime5
  }
  hash = word(hash + BigInt(length))
  for (; at + 8 <= length; at += 8) {
    hash = word(rotate(hash ^ round(0n, view.getBigUint64(at, true)), 27n) * prime1 + prime4)
  }
  if (at + 4 <= length) {
    hash = word(rotate(hash ^ word(BigInt(view.getUint32(at, true)) * prime1), 23n) * prime2 + prime3)
    at += 4
  }
  for (; at < length; at++) hash = word(rotate(hash ^ word(BigInt(content[at]!) * prime5), 11n) * prime1)
  hash = word((hash ^ (hash >> 33n)) * prime2)
  hash = word((hash ^ (hash >> 29n)) * prime3)
  hash ^= hash >> 32n
  const digest = new Uint8Array(8)
  new DataView(digest.buffer).setBigUint64(0, hash)
  return digest
}

function round(lane: bigint, input: bigint): bigint {
  return word(rotate(word(lane + input * prime2), 31n) * prime1)
}

function rotate(n: bigint, bits: bigint): bigint {
  return word((n << bits) | (n >> (64n - bits)))
}

function word(n: bigint): bigint {
  return BigInt.asUintN(64, n)
}
