/** Why a command of `laura` cannot do what it was asked, in words for who asked: shown as one line, without a stack. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
}
