import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import protobuf from 'protobufjs'
import { describe, expect, it } from 'vitest'
import { protoFolder } from './schema.ts'

/** The rules of buf's STANDARD and COMMENTS that can be broken here, so that they hold where there is no buf. */
const files = globSync('**/*.proto', { cwd: protoFolder })
const root = new protobuf.Root()
root.resolvePath = (_origin, target) => join(protoFolder, target)
root.loadSync(files, { keepCase: true, alternateCommentMode: true })
root.resolveAll()

const services: protobuf.Service[] = []
const types: protobuf.Type[] = []
const visit = (object: protobuf.ReflectionObject) => {
  if (object instanceof protobuf.Service) services.push(object)
  if (object instanceof protobuf.Type) types.push(object)
  if (object instanceof protobuf.Namespace) for (const each of object.nestedArray) visit(each)
}
visit(root)

const lowerSnake = /^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/
const pascal = /^[A-Z][A-Za-z0-9]*$/

describe.each(files)('%s', (file) => {
  const text = readFileSync(join(protoFolder, file), 'utf8')
  it('has the syntax and the package of its folder, and a comment', () => {
    expect(file).toMatch(/^[a-z0-9_/]+\.proto$/)
    expect(text).toMatch(/^syntax = "proto3";\n\n\/\/ /)
    expect(text).toMatch(new RegExp(`^package ${dirname(file).replaceAll('/', '\\.')};$`, 'm'))
    expect(dirname(file)).toMatch(/\/v\d+$/)
  })
  it('imports only what it uses', () => {
    for (const [, imported] of text.matchAll(/^import "(.*)";$/gm)) {
      const names = [...readFileSync(join(protoFolder, imported!), 'utf8').matchAll(/^message (\w+)/gm)].map(
        (match) => match[1]!,
      )
      expect(names.some((name) => new RegExp(`\\b${name}\\b`).test(text))).toBe(true)
    }
  })
})

it('services end in Service, and each method has a request and a response of its own name', () => {
  const used = new Map<string, string>()
  for (const service of services) {
    expect(service.name).toMatch(/^[A-Z][A-Za-z]*Service$/)
    expect(service.comment, service.name).toBeTruthy()
    for (const method of service.methodsArray) {
      expect(method.name).toMatch(pascal)
      expect(method.comment, method.name).toBeTruthy()
      for (const [type, suffix] of [
        [method.requestType, 'Request'],
        [method.responseType, 'Response'],
      ] as const) {
        expect(type).toBe(`${method.name}${suffix}`)
        expect(used.get(type)).toBeUndefined()
        used.set(type, method.fullName)
      }
    }
  }
  expect(services.length).toBe(3)
})

it('messages and fields are named as they should be, and have comments', () => {
  for (const type of types) {
    expect(type.name).toMatch(pascal)
    expect(type.comment, type.fullName).toBeTruthy()
    for (const field of type.fieldsArray) {
      expect(field.name, field.fullName).toMatch(lowerSnake)
      expect(field.comment, field.fullName).toBeTruthy()
    }
  }
  expect(types.length).toBeGreaterThan(40)
})
