/** The documents that every engine in a run stores: 12 fields, about 315 bytes of BSON, the same for the same number. */
import { ObjectId } from 'bson'

const cities = [
  'Oslo',
  'Lima',
  'Kyoto',
  'Accra',
  'Quito',
  'Hanoi',
  'Turin',
  'Perth',
  'Dakar',
  'Osaka',
  'Bergen',
  'Malmö',
]
const countries = ['NO', 'PE', 'JP', 'GH', 'EC', 'VN', 'IT', 'AU', 'SN', 'SE']
const words = ['alpha', 'bravo', 'carbon', 'delta', 'ember', 'falcon', 'garnet', 'harbor', 'indigo', 'jasper']

export interface Person {
  _id: ObjectId
  name: string
  email: string
  age: number
  city: string
  country: string
  score: number
  active: boolean
  created: Date
  tags: string[]
  address: { street: string; zip: string }
  note: string
}

/** A small fast generator, so that documents depend on their number only. */
function scramble(n: number): number {
  n = Math.imul(n ^ (n >>> 16), 0x45d9f3b)
  n = Math.imul(n ^ (n >>> 13), 0x45d9f3b)
  return (n ^ (n >>> 16)) >>> 0
}

/** The `_id` of document `n`: ascending, as a driver would give them out. */
export function idOf(n: number): ObjectId {
  return new ObjectId(
    (0x65000000 + Math.floor(n / 1000)).toString(16) + 'a1b2c3d4e5' + (n % 0xffffff).toString(16).padStart(6, '0'),
  )
}

export function makePerson(n: number): Person {
  const r = scramble(n + 1)
  const s = scramble(r)
  return {
    _id: idOf(n),
    name: `Person ${words[r % 10]} ${n}`,
    email: `user${r.toString(36)}@example.org`,
    age: 18 + (r % 70),
    city: cities[s % cities.length]!,
    country: countries[s % countries.length]!,
    score: (s % 100000) / 7,
    active: r % 3 !== 0,
    created: new Date(1.6e12 + r),
    tags: [words[s % 10]!, words[(s >>> 8) % 10]!, words[(s >>> 16) % 10]!],
    address: { street: `${1 + (r % 200)} ${words[(r >>> 5) % 10]} street`, zip: String(10000 + (s % 90000)) },
    note: `seen ${r % 1000} times near the ${words[(s >>> 4) % 10]}`,
  }
}

export function makePeople(count: number): Person[] {
  return Array.from({ length: count }, (_, n) => makePerson(n))
}
