import type { Key } from './i18n.ts'
import { signal } from './signal.ts'

// Settings are where people sign in with OpenID Connect, as the server has put them into the page.
export interface Settings {
  issuer: string
  client: string
  scope: string
  audience?: string
  origins: string[]
}

// oidc is where people sign in, or null if they paste a token.
export const oidc = JSON.parse(document.documentElement.dataset['oidc'] ?? 'null') as Settings | null

// issuer is the name of the issuer for people.
export const issuer = oidc ? new URL(oidc.issuer).host : ''

// A Refusal is a sign-in that did not come about, and why.
export class Refusal extends Error {
  constructor(readonly key: Key, readonly values: Record<string, string> = {}) {
    super(key)
  }
}

// A Grant is what the issuer gave beside a token.
export interface Grant {
  refresh?: string // what gives the next token
  id?: string // the ID token, by which the issuer knows whom to sign out
  sub?: string // who signed in, to the issuer
  name?: string // of who signed in, for people
  until?: number // when the token is to be renewed, by the clock of this machine
}

const kept = { token: 'dhr.token', grant: 'dhr.grant' }

// begun is under what is kept what is needed of a sign-in while its user is at the issuer.
export const begun = 'dhr.signin'

let renewing: Promise<boolean> | null = null // of the session that is
let bearer = sessionStorage.getItem(kept.token) ?? ''
let grant = JSON.parse(sessionStorage.getItem(kept.grant) ?? 'null') as Grant | null

// token is what somebody signed in with. It is kept as long as the tab is open, and nowhere else. What signs requests may be a later one.
export const token = signal(bearer)

// refused is set when a request needs somebody to sign in.
export const refused = signal(false)

// failure is why somebody who wanted to sign in at the issuer, or out, did not.
export const failure = signal<Refusal | null>(null)

// granted returns what the issuer gave with the token, or null if it is not of the issuer.
export function granted(): Grant | null {
  return grant
}

let sessions = 0

// session returns what tells apart who is signed in now from who was before or is after. A token that is renewed is of the same session.
export function session(): number {
  return sessions
}

function keep(text: string, by: Grant | null): void {
  bearer = text
  grant = by
  if (text) sessionStorage.setItem(kept.token, text)
  else sessionStorage.removeItem(kept.token)
  if (by) sessionStorage.setItem(kept.grant, JSON.stringify(by))
  else sessionStorage.removeItem(kept.grant)
}

// signIn signs what is asked from now on. An empty text signs out.
export function signIn(text: string, by: Grant | null = null): void {
  sessions++
  renewing = null
  keep(text, by)
  failure.set(null)
  token.set(text)
  refused.set(false)
}

// signature returns what signs a request that cannot wait for a renewal.
export function signature(): string {
  return bearer
}

// current returns what signs a request: the token, renewed if it is about to end.
export async function current(): Promise<string> {
  if (grant?.until !== undefined && Date.now() >= grant.until) {
    try {
      await renew(bearer)
    } catch {
      // The server says whether the old one still is good.
    }
  }
  return bearer
}

// renew reports whether the session has another token than one that the server refused. It throws a Refusal if the issuer cannot be asked for one.
export async function renew(old: string): Promise<boolean> {
  if (bearer !== old) return true
  if (!grant?.refresh) return false
  if (!renewing) {
    const mine = ask(grant).finally(() => { if (renewing === mine) renewing = null })
    renewing = mine
  }
  return renewing
}

async function ask(by: Grant): Promise<boolean> {
  const whose = sessions
  const { renewed } = await import('./oidc.ts')
  const next = await renewed(by)
  if (sessions !== whose) return false // somebody has signed in or out meanwhile
  if (next) keep(next.token, next.grant)
  else keep(bearer, { ...(by.id ? { id: by.id } : {}), until: 0 })
  return next !== null
}
