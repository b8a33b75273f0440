import { failure, granted, oidc, Refusal, refused, signIn, token } from './bearer.ts'
import { t } from './i18n.ts'
import { say } from './parts.tsx'

// returned signs in whoever comes back from the issuer, before the page is shown.
export async function returned(): Promise<void> {
  const back = new URLSearchParams(location.search)
  if (!oidc || !back.has('state') || !back.has('code') && !back.has('error')) return
  try {
    await (await import('./oidc.ts')).finish(back)
  } catch (e) {
    fail(e)
    if (token.get()) say(t((failure.get() as Refusal).key, failure.get()?.values)) // who was signed in before stays so
    else refused.set(true)
  }
}

// enter goes to the issuer.
export async function enter(): Promise<void> {
  failure.set(null)
  try {
    await (await import('./oidc.ts')).begin()
  } catch (e) {
    fail(e)
  }
}

// signOut forgets who is signed in, and has the issuer forget it, too.
export async function signOut(): Promise<void> {
  const by = granted()
  signIn('')
  if (!by) return
  let left = false
  try {
    left = await (await import('./oidc.ts')).leave(by)
  } catch {
    // That it did not work is all that can be said.
  }
  if (!left) failure.set(new Refusal('oidc.stillin'))
}

function fail(e: unknown): void {
  failure.set(e instanceof Refusal ? e : new Refusal('oidc.wrong', { what: String(e) }))
}
